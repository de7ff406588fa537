// Types of what the server sends (docs/reference/page-api.md) and of what the modules share.

type Template = import("../vendor/lit-html/lit-html.d.ts").TemplateResult;
/** What lit-html can show: a template, text, a node, a list of these, or nothing. */
type Content = unknown;
/** A name and a value; one that is null is not shown. */
type Fact = [name: Content, value: Content];
/** Values that are filled into a text of the locales. */
type TextValues = Record<string, string | number>;

interface Run {
  started_ms: number;
  topic: string;
  categories: string[];
  base_currency: string;
  links: Record<string, string>;
  outlier_score?: number;
  surge_score?: number;
  series_score?: number;
  kind_units?: Record<string, "money" | "sales" | "cents">;
  minute_kinds?: string[];
  anomaly_kinds?: string[];
  injections?: string[];
  kind_names?: Record<string, Record<string, string>>;
}

type RowValues = [
  second: number, category: string, currency: string, sales: number, units: number, cents: string, updatedMs: number,
];

interface SalesRow {
  key: string;
  second: number;
  category: string;
  currency: string;
  count: number;
  units: number;
  cents: string;
  updated: number;
  /** When the page received it, epoch ms. */
  received: number;
}

/** Sales, units and cents of one currency. */
type CurrencySums = [sales: number, units: number, cents: string];
type Sums = Record<string, CurrencySums>;

interface Anomaly {
  kind: string;
  category: string;
  score: number;
  amount: string | number;
  expected: string | number;
  detected_ms: number;
  known_after_ms: number | null;
  currency?: string;
  transaction_id?: string | null;
  partition?: number;
  offset?: number;
  second?: number;
}

interface ReasonCount {
  reason: string;
  records: number;
  kept: number;
}

interface QuarantineState {
  explained?: number;
  kept?: number;
  waiting?: number;
  sampled?: boolean;
}

type Term = "accepted" | "duplicates" | "late" | "rejected" | "in_flight";

interface Accounts extends Record<Term, number> {
  produced: number;
  unaccounted: number;
  without_record?: number;
  deduplicating?: boolean;
  late_money?: Record<string, string>;
  reasons?: ReasonCount[];
  quarantine?: QuarantineState;
}

interface Stage {
  name: string;
  state: string;
  rate: number | null;
  lag: number | null;
  p50_ms: number | null;
  p99_ms: number | null;
  cpu_percent: number | null;
  rss_mib: number | null;
  detail?: { headless?: number };
}

interface Cause {
  code: string;
  parameters: Record<string, string>;
  what: string;
  todo: string;
  since_ms: number;
}

interface StartStage {
  name: string;
  state: "waiting" | "starting" | "ready" | "external" | "failed" | "unfinished";
  since_ms: number | null;
  ready_ms: number | null;
  waits_for: string[];
  job: string;
  reason: string;
}

interface StartView {
  phase: string;
  began_ms: number;
  stages: StartStage[];
  message: string;
  cause: Cause | null;
}

interface DiskOutlook {
  folder: string;
  free_gib: number;
  gib_per_day: number;
  days: number;
  hours: number;
  measured_hours: number;
  soon: boolean;
}

interface Pipeline {
  stages: Stage[];
  disk?: DiskOutlook | null;
  culprit: string | null;
  cause?: Cause | null;
  checkpoint_age_s: number | null;
  backpressure: number | null;
  busy: number | null;
}

interface KindScore {
  labelled: number;
  found: number;
  alerts: number;
  true_alerts: number;
  precision?: number | null;
  recall?: number | null;
}

interface Score {
  precision: number | null;
  recall: number | null;
  kinds: Record<string, KindScore>;
}

interface Load {
  state: string;
  rate: number | null;
  achieved?: number;
  failed?: number;
  headless?: { rate: number; achieved: number; failed: number } | null;
}

/** A rate that was measured validly. */
interface RatePoint {
  rate: number;
  p50_ms: number;
  p99_ms: number;
}

interface Sweep {
  state: "idle" | "running" | "stopping" | "reporting";
  plan: { rates: number[]; seconds: number };
  about_s: number;
  progress: { doing: string; number: number; of: number; rate: number | null; left_s: number } | null;
  last: { ended_ms: number; outcome: string; reasons: string[]; points: RatePoint[]; records: number } | null;
  report_ms: number | null;
}

interface ErrorDetails {
  todo?: string;
  code?: string;
  parameters?: Record<string, string | number>;
  parameter?: string;
  status?: number;
}

interface Snapshot {
  run: Run;
  rows: RowValues[];
  sums: Sums;
  anomalies: Anomaly[];
  now_ms: number;
  newest_ms: number | null;
  database?: string;
  accounts: Accounts | null;
  pipeline: Pipeline | null;
  score: Score | null;
  load: Load | null;
  measure: Sweep | null;
}

interface Tick {
  now_ms: number;
  newest_ms: number | null;
  database?: string;
}

/** A place in the topic of the sales that another panel asks the Kafka panel to show. */
interface LogPlace {
  partition?: number;
  offset?: number;
  time_ms?: number;
}

/** Events of the stream, and those of the page itself. */
interface Events {
  start: { now_ms: number; start: StartView };
  snapshot: Snapshot;
  rows: { rows: RowValues[]; sums?: Sums; changed: SalesRow[] };
  anomalies: { anomalies: Anomaly[] };
  accounts: Accounts | null;
  pipeline: Pipeline | null;
  score: Score | null;
  load: Load | null;
  measure: Sweep | null;
  tick: Tick;
  age: { live: string; age: number | null };
  browse: LogPlace;
  connection: "open" | "cut";
  /** The way in which a record's bytes are shown was changed. */
  payload: null;
  language: string;
  theme: string | null;
}

/** The fields in which the value of a record comes. */
interface RecordValue {
  bytes: number;
  text: string | null;
  hex: string | null;
  json: string | null;
  cut: boolean;
}

interface KafkaRecord extends RecordValue {
  partition: number;
  offset: number;
  append_ms: number;
  key?: string | null;
  headers?: [name: string, value: string | null][];
  outcomes?: Outcome[];
}

interface Sale {
  category: string;
  currency: string;
  unit_cents: string;
  quantity: number;
  cents: string;
  event_ms: number;
  lateness_ms?: number;
}

interface Hint {
  code: string;
  values: Record<string, string>;
}

interface Outcome extends Partial<Sale> {
  hint?: Hint | null;
  outcome: string;
  reason?: string;
  explanation?: string;
}

interface QuarantineRow extends KafkaRecord {
  reason: string;
  explanation: string | null;
  hint?: Hint | null;
  replays: number;
  category?: string | null;
  currency?: string | null;
  cents?: string | null;
  lateness_ms?: number | null;
}

type Message = KafkaRecord;

interface MessagesAnswer {
  messages: Message[];
  partitions: Record<string, unknown>;
  begin: number;
  end: number;
}

interface TopicSummary {
  name: string;
  partitions: number;
  records: number | null;
  internal: boolean;
}

interface GroupSummary {
  name: string;
  state: string;
  lag: number | null;
}

interface KafkaOverview {
  brokers: { address: string }[];
  topics: TopicSummary[];
  groups: GroupSummary[];
  topics_left_out?: number;
  groups_left_out?: number;
}

interface TopicDetail {
  partitions: { partition: number; begin: number; end: number; leader: number }[];
  config: { name: string; value: string | null; default: boolean }[];
}

interface GroupDetail {
  state: string;
  members?: { client: string; host: string; partitions: string[] }[];
  partitions?: { topic: string; partition: number; committed: number | null; end: number; lag: number | null }[];
}

interface HistoryAnswer {
  from: number;
  to: number;
  step: number;
  categories: string[];
  sales: number[][];
  money: number[][];
}

/** Buckets of a chart: `count` and `money` by place in the palette, then by bucket. */
interface ChartFrame {
  from: number;
  to: number;
  step: number;
  x: number[];
  count: number[][];
  money: number[][];
}

/** An anomaly on the chart. */
interface Annotation {
  at: number;
  anomaly: Anomaly;
}

interface PlotInput {
  frame: ChartFrame;
  /** Values by place in the palette, then by bucket. */
  lines: number[][];
  form: "stacked" | "lines";
  /** Whether a place is not drawn. */
  isHidden: (place: number) => boolean;
  annotations: Annotation[];
  label: (value: number) => string;
  /** Top of the vertical axis while there are no sales. */
  minTop: number;
}

interface PlotEvents {
  select: (from: number, to: number) => void;
  back: () => void;
  hover: (index: number | null, annotation: Annotation | null) => void;
  press: (anomaly: Anomaly) => void;
}

/** What the dialog of a record or of a second shows. */
interface DialogView {
  title: Content;
  sub: string;
  body: () => Content;
  foot: () => Content;
}

type PayloadForm = "json" | "text" | "hex";
type ReadFrom = "last" | "offset" | "time";

interface ClusterListEvents {
  /** One of them is null. */
  choose: (topic: string | null, group: string | null) => void;
  search: (contains: string) => void;
  showInternal: (shown: boolean) => void;
}

interface ClusterListsShown {
  overview: KafkaOverview | null;
  /** The chosen one. */
  topic: string | null;
  /** The chosen one. */
  group: string | null;
  /** What is said before the first answer. */
  unknown: string;
  withInternal: boolean;
  contains: string;
}

interface ClusterLine {
  name: string;
  isChosen: boolean;
  choose: () => void;
  figure: string;
  sub: string;
}

/** The part of uPlot that the chart uses. */
interface UPlot {
  setData(data: number[][]): void;
  setSize(size: { width: number; height: number }): void;
  setSelect(area: object, fire: boolean): void;
  destroy(): void;
  redraw(rebuild: boolean): void;
  valToPos(value: number, scale: string, canvas?: boolean): number;
  posToVal(position: number, scale: string): number;
  cursor: { left: number; idx: number | null };
  select: { left: number; width: number };
  bbox: { left: number; top: number; width: number; height: number };
  ctx: CanvasRenderingContext2D;
  over: HTMLElement;
}

interface Window {
  uPlot?: new (options: object, data: number[][], node: HTMLElement) => UPlot;
}

interface Performance {
  /** Of Chromium only. */
  memory?: { usedJSHeapSize: number };
}
