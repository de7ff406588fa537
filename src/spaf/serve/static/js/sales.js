export function mount(section, app) {
  section.append(app.el("h2", { id: "sales-title", "data-t": "sales.title", text: app.t("sales.title") }));
}
