export function mount(section, app) {
  section.append(app.el("h2", { id: "pipeline-title", "data-t": "pipeline.title", text: app.t("pipeline.title") }));
}
