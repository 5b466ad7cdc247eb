/**
 * What the page is sent and what it keeps. Names are those of the contract
 * (`layers/common/python/pitboss/floor/`). Money in cents, theoretical win of rows in
 * ten-thousandths of a cent, times in epoch milliseconds unless a name says otherwise.
 */

export type FaultKind = 'handpay' | 'door' | 'tilt' | 'service' | 'overflow';
export type StateLetter = 'H' | 'C' | 'U' | 'S' | 'E' | 'O' | 'N' | 'I';
export type Severity = 'critical' | 'warning' | 'notice';
export type Group = 'host' | 'slot-ops' | 'analyst' | 'compliance' | 'admin';

export interface MachineSums {
  asset_id: string;
  changed_at: number;
  gaming_day: string;
  games: number;
  coin_in_cents: number;
  coin_out_cents: number;
  theoretical_win: number;
  unrated_coin_in_cents: number;
  handpaid_cents: number;
  gaps: number;
  meter_difference_cents: number;
  hold_basis_points: number | null;
  last_play: number;
  minute: number;
  coin_in_by_minute: number[];
  player_id: string | null;
  seated_since: number | null;
  locked_since: number | null;
  is_carded: boolean;
  is_employee: boolean;
}

export interface MachineFault {
  kind: FaultKind;
  since: number;
  detail: string;
}

export interface MachineCondition {
  asset_id: string;
  changed_at: number;
  heard_at: number;
  faults: MachineFault[];
  coin_in_meter_credits: number | null;
  coin_out_meter_credits: number | null;
  games_played_meter: number | null;
}

/** A machine as the store keeps it; `version` is that of the batch that changed it last. */
export interface Machine {
  asset_id: string;
  sums: MachineSums | null;
  condition: MachineCondition | null;
  version: number;
}

export interface StreamRate {
  shard_id: string;
  kept_at: number;
  newest_received_at: number;
  minute: number;
  events_by_minute: number[];
  last_sequence: string;
}

export interface OfferCounts {
  gaming_day: string;
  decided: number;
  delivered: number;
  accepted: number;
  redeemed: number;
  declined: number;
  expired: number;
  withdrawn: number;
}

export interface FloorStatus {
  at: number;
  gaming_day: string;
  quarantined: number;
  budget_cents: number | null;
  reserved_cents: number;
  shufflers_offline: number;
}

export interface Alert {
  alert_id: string;
  kind: string;
  severity: Severity;
  raised_at: number;
  detail: string;
  asset_id: string | null;
  cleared_at: number | null;
  acknowledged_at: number | null;
  acknowledged_by: string | null;
  note: string | null;
  runbook: string | null;
}

export interface Place {
  asset_id: string;
  x: number;
  y: number;
  zone: string;
  bank: string;
  kind: 'machine' | 'table' | 'shuffler';
  label: string;
  table_id: string;
}

export interface Limits {
  no_comms_seconds: number;
  offline_seconds: number;
  idle_seconds: number;
  hot_cents_per_minute: number;
  employee_cards: string[];
}

export interface FloorPlan {
  places: Place[];
  limits: Limits;
  version: number;
}

/** The parts of a floor as they come, rows still arrays; what did not change is left out. */
export interface FloorParts {
  at: number;
  sums?: any[][];
  conditions?: any[][];
  rates?: any[][];
  offers?: OfferCounts | null;
  status?: FloorStatus | null;
  alerts?: Alert[];
}

export interface FloorDocument extends FloorParts {
  property_id: string;
  gaming_day: string;
  plan_version: number;
}

export interface FloorChanged extends FloorParts {
  type: 'floor.changed';
  part?: number;
}

export interface MachineMinutes {
  asset_id: string;
  coin_in_cents: number[];
  theoretical_win: number[];
  states: string;
}

/** Rows still arrays: `rows.js` names them. */
export interface FloorHistory {
  at: number[];
  machines: any[][];
}

export interface PlayerOnFloor {
  player_id: string;
  asset_id: string;
  seated_since: number;
  games: number;
  coin_in_cents: number;
  theoretical_win: string;
  games_per_hour: number | null;
  worth_segment: string | null;
  adt: string | null;
  tier: string | null;
  offer_id: string | null;
  offer_status: string | null;
  offer_name: string | null;
  offer_value_cents: number | null;
  offer_reasons: string[];
}

export interface PlayersOnFloor {
  at: number;
  gaming_day: string;
  players: PlayerOnFloor[];
  total: number;
}

export interface BillIn {
  asset_id: string;
  occurred_at: number;
  event_id: string;
  amount_cents: number;
  player_id: string | null;
}

export interface ValueDocument {
  dimensions: Record<string, string>;
  value: number | null;
  events: number | null;
  is_full: boolean;
}

export interface WindowDocument {
  day: string | null;
  begins_at: number | null;
  ends_at: number | null;
  is_over: boolean;
  values: ValueDocument[];
}

export interface MetricDocument {
  key: string;
  name: string;
  application_id: string;
  aggregate: string;
  unit: string;
  window: string;
  dimensions: string[];
  threshold: string | null;
  crossed: Record<string, string>[];
  newest_received_at: number | null;
  windows: WindowDocument[];
}

export interface ApplicationFreshness {
  application_id: string;
  newest_received_at: number;
  indexed_at: number;
}

/** Of the lake: when the newest object was written, and the newest refined event was received. */
export interface Freshness {
  property_id: string;
  as_of: number;
  newest_raw_at: number | null;
  newest_refined_at: number | null;
  waiting: number;
  waiting_since: number | null;
}

export interface FreshnessDocument {
  property_id: string;
  at: number;
  applications: ApplicationFreshness[];
  lake: Freshness;
}

export type Connection = 'connecting' | 'live' | 'stale' | 'offline';

/** `/config.json`, written by whoever serves the page. */
export interface Config {
  client_id: string;
  authorization_endpoint: string;
  token_endpoint: string;
  end_session_endpoint?: string;
  redirect_uri: string;
  live_url: string;
  api: string;
}

/** A problem document (RFC 9457) of the API. */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  correlation_id?: string;
  [more: string]: unknown;
}
