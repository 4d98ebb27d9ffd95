// What the daemon tells the pages, as far as they read it, and what the pages' own parts hand each other. Types alone:
// nothing here is served. Points in time are RFC 3339 text; the `start_time` and `end_time` of a line, an alert or a
// quote are seconds of the call; `…_s` are seconds. Sentiments are from -1 to +1, risks and shares from 0 to 1.

export type Level = 'warning' | 'urgent' | 'critical';
export type CallState = 'active' | 'connection_closed' | 'completed' | 'failed';

/** A keyword or a profanity that a line has. */
export interface Term {
  term: string;
  label: string;
}

export interface Word {
  text: string;
  start_time: number;
  end_time: number;
}

export interface Segment {
  segment_id: number;
  text: string;
  start_time: number;
  end_time: number;
  speaker: string;
  leg: string;
  sentiment: { compound: number | null };
  /** What another system that sent the text says of it. */
  sender_sentiment: number | null;
  keywords: Term[];
  profanity: Term[];
  words: Word[] | null;
}

/** Why something is to be said. */
export type CoachingKind = 'objection' | 'alert' | 'disclosure';

/** What to say next on a call. */
export interface CallCoaching {
  call_id: string;
  coaching: { kind: CoachingKind; rule: string; text: string; start_time: number | null }[];
}

/** What an agent sees of their own running call. */
export interface AgentView {
  agent: string;
  call: {
    call_id: string;
    started_at: string;
    lines: { speaker: string; start_time: number; text: string }[];
    prompts: { at: number; kind: CoachingKind; text: string }[];
  } | null;
}

export interface CallLeg {
  leg: string;
  leg_id: number;
  offset: number;
  duration: number;
  closed: string | null;
  audio_url: string | null;
}

export interface Risk {
  score: number;
  parts: { share: number; says: string }[];
}

/** What every list shows of a call. */
export interface CallSummary {
  call_id: string;
  status: CallState;
  start_time: string;
  end_reason: string | null;
  agent: string | null;
  campaign: string | null;
  phone: string | null;
  metadata: { file?: string } | null;
  total_audio_duration: number;
  segment_count: number;
  sentiment: number | null;
  rolling_sentiment: number | null;
  has_alerts: boolean;
  alert_level: Level | null;
  risk_score: number | null;
  /** Of a hundred. */
  score: number | null;
  sla_breached: boolean;
  tags: string[];
  /** Those that packs have put on it. */
  automatic_tags: string[];
}

/** A way by which sound of a call came. */
export interface CallSource {
  source: string;
  leg: string;
  leg_id: number;
  heard: boolean;
  stretches: [number, number | null][];
  why: string;
}

export interface Call extends CallSummary {
  transcript_segments: Segment[];
  legs: CallLeg[];
  sources: CallSource[];
  alerts: Alert[];
  corrections: Correction[];
  dialer: Dialed | null;
  review: Review | null;
  risk: Risk | null;
  sla: { breached: boolean; limits: SlaLimit[] };
  tag_reasons: TagReason[];
}

/** What a call took of a limit of [sla]. */
export interface SlaLimit {
  limit: 'call' | 'answer' | 'hold' | 'silence';
  seconds: number;
  max_seconds: number;
  breached: boolean;
}

/** Why a pack has put a tag on a call. */
export interface TagReason {
  tag: string;
  pack: string;
  rule: string;
  reason: string;
  quotes: { text: string; start_time: number }[];
}

/** What people have set right in a line. */
export interface Correction {
  segment_id: number;
  text_before: string;
  text_after: string;
  speaker_before: string;
  speaker_after: string;
  corrected_by: string;
  corrected_at: string;
}

export interface Alert {
  type: 'alert';
  id: number;
  call_id: string;
  agent: string | null;
  campaign: string | null;
  timestamp: string;
  level: Level;
  start_time: number;
  end_time: number;
  risk_score: number | null;
  acknowledged: boolean;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
  rules_triggered: string[];
  reasons: string[];
  /** In words for people. */
  happened: string;
  message: string;
  prompts: string[];
  text: string | null;
}

/** Who has acknowledged an alert, and when. */
export type AlertTaken = Pick<Alert, 'id' | 'acknowledged' | 'acknowledged_at' | 'acknowledged_by'>;

/** Who looks. */
export interface Me {
  scopes: string[];
  campaign: string | null;
  admin: boolean;
}

/** Words that were said last, or are being said. */
export interface LastWords {
  speaker: string;
  text: string;
  start_time: number;
}

export interface BoardAnswer {
  /** Number of the feed's last event that is in here. */
  last_event: number;
  now: string;
  calls: (CallSummary & { course: number[] | null; last_words: LastWords | null })[];
  /** Agents whose line was closed lately. */
  hung_up: { agent: string; at: string }[];
  dialer_agents: DialerAgent[];
}

/** An agent who is logged in to the dialer. */
export interface DialerAgent {
  agent: string;
  state: 'ready' | 'in_call' | 'paused';
  pause_code: string | null;
  campaign: string | null;
  since: string | null;
}

export interface Box {
  now: string;
  calls: Record<
    string,
    {
      phone: string | null;
      agent: string | null;
      campaign: string | null;
      behind_s: number | null;
      sla_breached: boolean;
    }
  >;
  dialer_agents: DialerAgent[];
  backlog: number;
  /** Alerts that nobody has acknowledged, of all calls. */
  open_alerts: number;
  lag_s: number | null;
  model: { state: 'waiting' | 'loading' | 'ready' | 'failed' };
  ready: boolean;
  cpus_allowed: number | null;
  cpus: number;
  step: number;
  step_says: string | null;
}

export interface Hit {
  call_id: string;
  call_start_time: string;
  agent: string | null;
  campaign: string | null;
  /** Text with what was found between <b> and </b>. */
  snippet: string;
  /** How well it fits; null by words. */
  score: number | null;
  /** Places that say nearly the same and are not listed; null by words. */
  alike: number | null;
  segment: Segment;
}

export interface Quote {
  text: string;
  speaker: string;
  start_time: number;
}

/** A disposition that does not go with what was said. */
export interface Finding {
  call_id: string;
  /** When the call began. */
  start_time: string;
  name: string;
  description: string;
  level: Level | null;
  disposition: string;
  quote: Quote;
}

/** What a call came to. */
export interface Review {
  disposition: string | null;
  speech_seconds: number | null;
  silent_end_seconds: number | null;
  unspoken_talk_seconds: number | null;
  findings: Finding[];
}

/** Sums over calls; null is what no call of them has. */
export interface CallSums {
  total_calls: number;
  avg_sentiment: number | null;
  total_alerts: number;
  avg_duration: number;
  score: number | null;
  points: number;
  points_of: number;
  total_findings: number;
  talk_seconds: number | null;
  wrap_seconds: number | null;
  dead_seconds: number | null;
  avg_wrap_seconds: number | null;
  agent_speech_seconds: number | null;
  caller_speech_seconds: number | null;
  mixed_speech_seconds: number | null;
  dead_air_seconds: number | null;
  silent_end_seconds: number | null;
  unspoken_talk_seconds: number | null;
}

export interface NotableCall {
  call_id: string;
  score: number | null;
  sentiment: number | null;
}

export interface AgentSums extends CallSums {
  agent: string;
  agent_name: string | null;
  sentiment_trend: number | null;
  best_call: NotableCall | null;
  worst_call: NotableCall | null;
}

export interface AgentList {
  agents: AgentSums[];
  calls_without_agent: number;
}

export interface AgentStatistics extends AgentSums {
  days: (CallSums & { date: string })[];
  campaigns: (CallSums & { name: string | null })[];
  dispositions: (CallSums & { name: string | null })[];
  findings: Finding[];
}

/** Seconds of a call as the dialer counts them. */
export interface Dialed {
  talk_seconds: number | null;
  wrap_seconds: number | null;
  dead_seconds: number | null;
}

export interface SummaryAnswer {
  text: string;
  reason: Quote | null;
  turns: (Quote & { sentiment: number; before: number })[];
  outcome: Quote | null;
  topics: { topic: string; weight: number; share: number; sources: string[]; segment_ids: number[] }[];
  questions: (Quote & { answer: Quote | null; rule: string })[];
  language_model: ModelInsights | null;
}

/** A stretch of a call with other words in the final pass; empty where there are none. */
export interface PassChange {
  start_time: number;
  speaker: Quote['speaker'];
  live: string;
  final: string;
}

/** What changed between the live text and that of the final pass. */
export interface PassChanges {
  passes: ('live' | 'final')[];
  live_words: number;
  final_words: number;
  changed_words: number;
  changes: PassChange[];
}

/** What a language model says of a call. */
export type ModelInsights =
  | {
      state: 'told';
      by: string;
      customer_intent: string;
      sentiment: 'positive' | 'neutral' | 'negative';
      action_required: boolean;
      summary: string;
      dropped: string[];
    }
  | { state: 'failed'; by: string; reason: string };

export interface Criterion {
  name: string;
  description: string;
  outcome: 'met' | 'missed' | 'not_asked' | 'open';
  points: number;
  of: number;
  reason: string;
  quotes: Quote[];
}

export interface ScoreCard {
  score: number | null;
  points: number;
  of: number;
  criteria: Criterion[];
  /** Without audio most are null, and `absent` says why. */
  measures: {
    agent_share: number | null;
    agent_interruptions: number | null;
    caller_interruptions: number | null;
    longest_silence_s: number | null;
    dead_air_s: number | null;
    agent_words_per_minute: number | null;
    caller_words_per_minute: number | null;
    absent: string | null;
  };
}

/** A rule as reviewers may judge it. */
export interface RuleToReview {
  rule: string;
  description: string;
  outcome: Criterion['outcome'];
  points: number;
  of: number;
}

/** What a reviewer gives a call. */
export interface ScoreReview {
  reviewer: string;
  own: boolean;
  score: number | null;
  comment: string;
  reviewed_at: string;
  rules: { rule: string; points: number | null; of: number; comment: string }[];
}

export interface Dispute {
  id: number;
  call_id: string;
  agent: string | null;
  rule: string;
  text: string;
  raised_by: string;
  raised_at: string;
  state: 'open' | 'upheld' | 'rejected';
  answer: string | null;
  answered_by: string | null;
  answered_at: string | null;
}

export interface ReviewList {
  call_id: string;
  calibration: boolean;
  /** Reviews that are shown when the own one is in; to the call's agent, when it is no calibration any more. */
  hidden: number;
  rules: RuleToReview[];
  reviews: ScoreReview[];
  disputes: Dispute[];
}

/** A call of an agent that people have reviewed, or that is disputed. */
export interface ReviewedCall {
  call_id: string;
  start_time: string;
  campaign: string | null;
  /** The machine's, of a hundred. */
  score: number | null;
  reviews: number;
  open_disputes: number;
}

/** How far two judges agree. */
export interface Agreement {
  pairs: number;
  observed: number | null;
  kappa: number | null;
}

export interface Judges {
  calls: number;
  overall: Agreement;
  rules: (Agreement & { rule: string })[];
}

export interface AgreementReport {
  people: Judges;
  machine: Judges;
}

/** A finished call that may be reviewed. */
export interface QueuedReview {
  call_id: string;
  start_time: string;
  duration: number;
  agent: string | null;
  campaign: string | null;
  risk: number | null;
  score: number | null;
  calibration: boolean;
}

export interface ReviewQueue {
  reviewer: string;
  among: number;
  calls: QueuedReview[];
}

export interface Entity extends Quote {
  kind: string;
}

/** `peaks` are percent of full scale. */
export interface Peaks {
  peaks: number[];
  duration: number;
}

/** A day of the dialer against what was recorded and heard. */
export interface Coverage {
  day: string;
  source: string | null;
  problem: string | null;
  unanswered: number | null;
  counts: Record<string, number>;
  faults: number;
  calls: {
    state: string;
    reason: string | null;
    started: string;
    agent: string | null;
    campaign: string | null;
    recording: string | null;
    dialer_call: string | null;
    call_id: string | null;
  }[];
  next_offset: number | null;
}

export interface Figures {
  since: string;
  until: string;
  step_seconds: number;
  /** When each step begins, also of those without a call. */
  starts: string[];
  total: {
    calls: number;
    audio_seconds: number;
    negative: number;
    positive: number;
    utterances: number;
    text_within_3_s: number | null;
  };
  /** Steps without a call are left out, as are those without text below. */
  steps: { at: string; calls: number; sentiment: number | null; negative: number }[];
  lag: { at: string; median: number; p95: number }[];
  keywords: { term: string; label: string; count: number; calls: number }[];
  keywords_in_all: number;
  alerts: { rule: string; level: Level; count: number; calls: number }[];
  alerts_in_all: number;
  agents: {
    agent: string | null;
    calls: number;
    audio_seconds: number;
    sentiment: number | null;
    negative: number;
    with_alerts: number;
  }[];
  agents_in_all: number;
}

export interface Glossary {
  count: number;
  in_prompt: number;
}

export interface BulkAnswer {
  done: string[];
  failed: { call_id: string; detail: string }[];
}

export interface UploadAnswer {
  call_id: string;
  calls: { detail?: string }[];
}

/** What is said of a request that failed; a list of words also says what is wrong in which line. */
export interface Problem {
  detail?: string | { loc?: (string | number)[]; msg: string }[];
  errors?: { line: number; detail: string }[];
}

/** A setting of the daemon. */
export interface DaemonSetting {
  section: string;
  key: string;
  value: string | null;
  set_in: string | null;
  about: string;
}

/** The answer to a request, by its path. */
export type Answer<Path extends string> = Path extends '/api/v1/settings'
  ? { read_at: string; files: string[]; changed: string[]; settings: DaemonSetting[] }
  : Path extends `/api/v1/disputes?${string}`
    ? { disputes: Dispute[]; more: boolean }
    : Path extends `/api/v1/disputes/${number}/answer`
      ? Dispute
      : Path extends `/api/v1/review-queue?${string}`
        ? ReviewQueue
        : Path extends `/api/v1/reviews/agreement?${string}`
          ? AgreementReport
          : AnswerOf<Path>;

type AnswerOf<Path extends string> = Path extends '/api/v1/board'
  ? BoardAnswer
  : Path extends '/api/v1/me'
    ? Me
    : Path extends '/api/v1/alerts/ack'
      ? { alerts: AlertTaken[] }
      : Path extends '/api/v1/box'
        ? Box
        : Path extends '/api/v1/glossary'
          ? Glossary
          : Path extends '/calls/bulk'
            ? BulkAnswer
            : Path extends `/api/v1/figures?${string}`
              ? Figures
              : Path extends `/api/v1/coverage?${string}`
                ? Coverage
                : Path extends `/api/v1/search?${string}`
                  ? { hits: Hit[]; next_offset: number | null; similar_agents: string[] }
                  : Path extends `/api/v1/alerts?${string}`
                    ? { alerts: Alert[] }
                    : Path extends `/api/v1/alerts/${number}/ack`
                      ? Alert
                      : Path extends `/api/v1/dialer/writes?${string}`
                        ? { enabled: boolean; dry_run: boolean; listen: boolean }
                        : Path extends `/api/v1/agents?${string}`
                          ? AgentList
                          : Path extends `/api/v1/agents/${string}/stats?${string}`
                            ? AgentStatistics
                            : Path extends `/api/v1/calls?${string}`
                              ? { calls: CallSummary[]; next_cursor: string | null; similar_agents: string[] }
                              : Path extends `/api/v1/agent/reviews?${string}`
                                ? { agent: string; calls: ReviewedCall[]; more: boolean }
                                : Path extends `/api/v1/calls/${string}`
                                  ? AnswerOfCall<Path>
                                  : Path extends '/api/v1/taps'
                                    ? { unheard: UnheardCall[] }
                                    : never;

type AnswerOfCall<Path extends string> = Path extends `${string}/corrections`
  ? { corrections: Correction[] }
  : Path extends `${string}/reviews` | `${string}/calibration`
    ? ReviewList
    : Path extends `${string}/disputes`
      ? Dispute
      : Path extends `${string}/summary`
        ? SummaryAnswer
        : Path extends `${string}/listen`
          ? { phone: string; state: string; answer: string }
          : Path extends `${string}/qa`
            ? ScoreCard
            : Path extends `${string}/coaching`
              ? CallCoaching
              : Path extends `${string}/passes`
                ? PassChanges
                : Path extends `${string}/entities`
                  ? { entities: Entity[] }
                  : Path extends `${string}/peaks?${string}`
                    ? Peaks
                    : Call;

interface OfCall {
  call_id: string;
  timestamp: string;
}

export interface CallStart extends OfCall {
  type: 'call_start';
  source: string;
  agent: string | null;
  campaign: string | null;
}

export interface CallNamed extends OfCall {
  type: 'call_named';
  agent: string | null;
  campaign: string | null;
}

/** Text of an utterance that may still change. */
export interface PartialText {
  type: 'partial';
  call_id: string;
  leg: string;
  speaker: string;
  text: string;
  start_time: number;
}

/** A line of the transcript, when it is stored. */
export interface Sentiment extends OfCall {
  type: 'sentiment';
  text: string;
  start_time: number;
  end_time: number;
  speaker: string;
  leg: string;
  sentiment_score: number | null;
  sender_sentiment: number | null;
  keywords_detected: string[];
  profanity_detected: string[];
  rolling_sentiment: number | null;
  risk_score: number | null;
}

export interface Hangup extends OfCall {
  type: 'hangup';
  reason: string;
}

export interface CallEnd extends OfCall {
  type: 'call_end';
  reason: string;
}

export interface CallRewritten extends OfCall {
  type: 'call_rewritten';
}

export interface Acknowledged {
  type: 'alert_acknowledged';
  call_id: string;
  timestamp: string;
  id: number;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
}

export interface Governor {
  type: 'governor';
  timestamp: string;
  step: number;
  says: string;
}

/** What happens in a call. */
export type CallEvent =
  CallStart | CallNamed | PartialText | Sentiment | Hangup | CallEnd | CallRewritten | Alert | Acknowledged;

/** A message of `/ws/events`: the greeting, an event with its number (0: it is not kept), or a sign of life. */
export interface FeedMessage {
  hello?: { last: number; reset: boolean };
  event?: CallEvent | Governor;
  id?: number;
}

/** A line of a transcript on a page. */
export interface Line {
  /** Of its segment; a line that the feed told has none. */
  id?: number;
  key: string;
  start: number;
  end: number;
  speaker: string;
  leg: string;
  text: string;
  compound: number | null;
  theirs: number | null;
  terms: Term[];
  words: Word[] | null;
  rolling?: number | null;
  risk?: number | null;
}

/** A call as the board knows it; times in milliseconds since 1970. */
export interface BoardCall {
  id: string;
  agent: string | null;
  campaign: string | null;
  phone: string | null;
  started: number;
  status: CallState;
  /** The last sentiments. */
  course: number[];
  last: LastWords | null;
  /** When somebody was heard last. */
  spoken: number | null;
  /** By leg. */
  partial: Record<string, LastWords>;
  rolling: number | null;
  risk: number | null;
  /** Whether it breaches a limit of [sla]. */
  breached: boolean;
  /** How late its text is, seconds; null where it is in time. */
  behind: number | null;
  /** When it ended. */
  over: number | null;
  /** When its last line was stored, by the daemon's clock. */
  at?: string;
}

type Attribute = string | number | boolean | null | undefined;

export interface Properties {
  text?: string | number | null;
  class?: string;
  on?: Record<string, (event: Event) => void>;
  [attribute: string]: Attribute | Record<string, (event: Event) => void>;
}

export type Child = Node | string | null | undefined | false;

export interface Series {
  label: string;
  /** A colour of the style sheet: '--good'. */
  colour: string;
  dash?: number[];
  points?: boolean;
  bars?: boolean;
  steps?: boolean;
}

// The API's own document (OpenAPI 3.1), as far as the page /docs reads it.

export interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  prefixItems?: Schema[];
  enum?: (string | number | boolean | null)[];
  type?: string | string[];
  format?: string;
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  required?: string[];
  description?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  default?: string | number | boolean | null;
}

export type Content = Record<string, { schema?: Schema }>;

export interface Reply {
  $ref?: string;
  description?: string;
  content?: Content;
}

export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  security?: Record<string, string[]>[];
  parameters?: { name: string; in: string; required?: boolean; schema?: Schema; description?: string }[];
  requestBody?: { required?: boolean; content?: Content };
  responses?: Record<string, Reply>;
}

export interface ApiDocument {
  info: { version: string; description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Reply> };
}

/** A call of the PBX that nobody transcribes. */
export interface UnheardCall {
  call_id: string;
  parties: { leg: string; channel: string }[];
}
