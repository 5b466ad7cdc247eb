/**
 * What each group may do, to decide what is shown. It is only that: the server decides what is
 * allowed (`pitboss.access.GROUPS`, which a contract test holds this to).
 */

/** @type {Readonly<Record<import('./types').Group, readonly string[]>>} */
export const GROUPS = {
  host: [
    'floor:read',
    'ratings:read',
    'offers:read',
    'offers:answer',
    'offers:withhold',
    'alerts:answer',
  ],
  'slot-ops': [
    'floor:read',
    'machines:read',
    'shufflers:read',
    'maintenance:read',
    'maintenance:answer',
    'alerts:answer',
  ],
  analyst: [
    'floor:read',
    'machines:read',
    'shufflers:read',
    'maintenance:read',
    'game-events:read',
    'metrics:read',
  ],
  compliance: [
    'floor:read',
    'ratings:read',
    'offers:read',
    'exclusions:read',
    'exclusions:write',
    'bills:read',
    'reviews:read',
    'reviews:decide',
    'audit:read',
  ],
  admin: [
    'floor:read',
    'floor:write',
    'ratings:read',
    'offers:read',
    'offers:approve',
    'offers:withhold',
    'catalogue:write',
    'shufflers:read',
    'maintenance:read',
    'alerts:answer',
    'game-events:read',
    'metrics:read',
  ],
};

/** What is allowed by another scope too. @type {Readonly<Record<string, string>>} */
export const INCLUDED = { 'machines:read': 'ratings:read' };
