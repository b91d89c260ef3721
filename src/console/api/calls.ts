import type {
  About,
  AuditPage,
  AuditQuery,
  CallName,
  Confirmation,
  CreatedKey,
  Enrol,
  Enrolment,
  Explanation,
  FleetAnswer,
  KeyPage,
  KeyQuery,
  KeyRow,
  KeyUsage,
  LinkToken,
  NewKey,
  NewOperator,
  OperatorLink,
  OperatorList,
  OperatorPatch,
  OperatorRow,
  OwnerPage,
  OwnerQuery,
  OwnerRow,
  Revocation,
  Rotate,
  RotatedKey,
  SessionAnswer,
  SignedIn,
  SignIn,
  TrafficAnswer,
  TrafficQuery,
  UsageQuery,
  WhatIfAnswer,
} from '../../key-service/console/wire.ts';

type Nothing = Readonly<Record<string, never>>;

interface Asked<Query, Answer> {
  readonly query?: Query;
  readonly body?: undefined;
  readonly answer: Answer;
}

interface Sent<Body, Answer> {
  readonly query?: undefined;
  readonly body: Body;
  readonly answer: Answer;
}

/** What goes into each call and comes out of it, as the comments of `CALLS` say. */
export interface Calls {
  'GET /console/api/session': Asked<Nothing, SessionAnswer>;
  'POST /console/api/session': Sent<SignIn, SignedIn>;
  'DELETE /console/api/session': Sent<Nothing, SessionAnswer>;
  'DELETE /console/api/sessions': Sent<Nothing, SessionAnswer>;
  'POST /console/api/session/confirm': Sent<Confirmation, SignedIn>;
  'POST /console/api/enrolment/look': Sent<LinkToken, Enrolment>;
  'POST /console/api/enrolment': Sent<Enrol, SignedIn>;
  'GET /console/api/about': Asked<Nothing, About>;
  'GET /console/api/keys': Asked<KeyQuery, KeyPage>;
  'POST /console/api/keys': Sent<NewKey, CreatedKey>;
  'GET /console/api/keys/:id': Asked<Nothing, KeyRow>;
  'GET /console/api/keys/:id/usage': Asked<UsageQuery, KeyUsage>;
  'POST /console/api/keys/:id/rotate': Sent<Rotate, RotatedKey>;
  'POST /console/api/keys/:id/revoke': Sent<Nothing, Revocation>;
  'GET /console/api/keys/:id/revocation': Asked<Nothing, Revocation>;
  'GET /console/api/owners': Asked<OwnerQuery, OwnerPage>;
  'GET /console/api/owners/:id': Asked<Nothing, OwnerRow>;
  'GET /console/api/audit': Asked<AuditQuery, AuditPage>;
  'GET /console/api/explain/:id': Asked<Nothing, Explanation>;
  'GET /console/api/fleet': Asked<Nothing, FleetAnswer>;
  'GET /console/api/traffic': Asked<TrafficQuery, TrafficAnswer>;
  'GET /console/api/what-if': Asked<TrafficQuery, WhatIfAnswer>;
  'GET /console/api/operators': Asked<Nothing, OperatorList>;
  'POST /console/api/operators': Sent<NewOperator, OperatorLink>;
  'PATCH /console/api/operators/:id': Sent<OperatorPatch, OperatorRow>;
  'POST /console/api/operators/:id/link': Sent<Nothing, OperatorLink>;
}

type Known<N extends keyof Calls> = N;

/** A call that the key service has and this page does not know does not compile. */
export type Name = Known<CallName>;
