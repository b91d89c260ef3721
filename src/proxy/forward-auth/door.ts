import { deny, type Decision, type Denial, type Permit } from '../../core/decision.ts';
import type { RefusalText } from '../../core/dialect.ts';
import { onlyLine } from '../../core/original-request.ts';
import { callersRequestId, readHead, type RequestHead } from '../../core/request-head.ts';
import { openRefusal } from '../../core/signed-refusal.ts';
import { refusalText, sendWhole } from '../deny.ts';
import type { InboundAnswer } from '../inbound/answer.ts';
import type { InboundListener } from '../inbound/connection.ts';
import type { InboundRequest } from '../inbound/request.ts';
import type { InboundHead } from '../inbound/request-head.ts';
import { decide, type RequestFacts } from '../pipeline.ts';
import { createRecorder, openExchange, type Exchange, type Recorder } from '../record.ts';
import { openTrace } from '../request-trace.ts';
import type { Place } from '../routes.ts';
import type { ProxyParts } from '../server.ts';
import type { Settings } from '../settings.ts';
import { noteUnread, recordUnread } from '../unread.ts';
import { newRequestId } from '../visit.ts';
import { as403, permission, REFUSAL_HEADER } from './answers.ts';
import { readAsked, REFUSAL_PATH, type Asked } from './asked.ts';
import type { ForwardAuthSettings } from './settings.ts';

export type AskingParts = Pick<
  ProxyParts,
  | 'settings'
  | 'clock'
  | 'reporter'
  | 'decisions'
  | 'busyKeys'
  | 'requestMetrics'
  | 'traffic'
  | 'mask'
  | 'log'
  | 'tracing'
  | 'load'
  | 'isDraining'
>;

/** One question at the second door. */
interface Question {
  readonly request: InboundRequest;
  readonly answer: InboundAnswer;
  readonly head: RequestHead;
  readonly asked: Asked;
  readonly exchange: Exchange;
  readonly settings: Settings;
  readonly door: ForwardAuthSettings;
}

const SLOT_NOT_HELD = 'a concurrency limit holds nothing here, since nobody says when the request ends';

/** The second door: the pipeline's word for a proxy that forwards by itself, and one record of each question. */
export class AskingDoor implements InboundListener {
  readonly #parts: AskingParts;
  readonly #record: Recorder;
  /** Some proxies pass the client's own Upgrade on with their question, which is one like any other. */
  readonly upgrade = null;

  constructor(parts: AskingParts) {
    this.#parts = parts;
    this.#record = createRecorder(parts);
  }

  request(request: InboundRequest, answer: InboundAnswer): void {
    void this.#serve(request, answer);
  }

  refused(status: number, peer: string, head: InboundHead | null): void {
    recordUnread(this.#record, this.#parts.clock, { status, peer, head });
  }

  async #serve(request: InboundRequest, answer: InboundAnswer): Promise<void> {
    const settings = this.#parts.settings();
    const { forwardAuth: door } = settings;
    if (door === null) {
      answer.breakOff();
      return;
    }
    const question = this.#open(request, answer, settings, door);
    const refusal = this.#refusalWithin(question);
    if (refusal !== null) {
      sendWhole(answer, refusal);
      return;
    }
    const { load } = this.#parts;
    load.begin();
    await this.#answer(question);
    await answer.closed;
    load.end();
    if (answer.refusedAs !== null) noteUnread(question.exchange, answer.refusedAs);
    this.#record(question.exchange);
  }

  #open(
    request: InboundRequest,
    answer: InboundAnswer,
    settings: Settings,
    door: ForwardAuthSettings,
  ): Question {
    const { clock, mask, tracing } = this.#parts;
    const receivedAt = clock.monotonic();
    const { peer, isEncrypted } = request;
    const { method, target: url, httpVersion, raw } = request.head;
    const head = readHead(raw);
    const asked = readAsked(peer, { method, url, head }, door, settings.assertions?.header ?? null);
    const about =
      asked.kind === 'original'
        ? { method: asked.original.method, url: asked.original.url, address: asked.address }
        : { method, url, address: peer };
    const upgrade = asked.kind === 'original' && asked.original.upgrade !== null;
    const requestId = callersRequestId(head, mask) ?? newRequestId();
    const exchange = openExchange({ ...about, requestId, userAgent: head.userAgent, upgrade }, receivedAt);
    if (tracing !== null) {
      const traced = { isEncrypted, head: { raw, httpVersion, method: about.method } };
      exchange.trace = openTrace(tracing, traced, { at: receivedAt, isTrusted: door.trusted.trusts(peer) });
    }
    return { request, answer, head, asked, exchange, settings, door };
  }

  async #answer(question: Question): Promise<void> {
    const { answer, exchange } = question;
    let decision = await this.#decide(question);
    // As on the way to an upstream: the key may have changed while something was waited for.
    while (decision.kind === 'permit' && !decision.stands()) {
      decision.slot.release();
      decision = await this.#decide(question);
    }
    exchange.toldAt = this.#parts.clock.now();
    if (decision.kind === 'permit') {
      decision.slot.release();
      if (!answer.isOver) this.#permit(question, decision);
    } else if (!answer.isOver) this.#deny(question, decision);
  }

  #permit({ answer, head, exchange, settings, door }: Question, permit: Permit<Place>): void {
    const fields = permission(permit, { head, exchange, settings, family: door.family });
    if (this.#parts.isDraining()) fields.push('Connection', 'close');
    exchange.status = 200;
    if (permit.key !== null && settings.gate.policies.of(permit.key).claims.length > 0) {
      exchange.detail = SLOT_NOT_HELD;
    }
    answer.writeHead(200, fields);
    answer.end();
    this.#record.answered(permit, 200);
  }

  #deny({ request, answer, exchange, door }: Question, denial: Denial<Place>): void {
    const { requestId, toldAt: now } = exchange;
    const draining = this.#parts.isDraining();
    const refusal = refusalText({ denial, requestId, now, draining }, false);
    // Who may not ask, or wanted one rendered, gets none to render.
    const isPlain = denial.reason === 'untrusted_proxy' || request.head.target === REFUSAL_PATH;
    const told = door.denyAs === 403 && !isPlain ? as403(refusal, door, exchange) : refusal;
    const headers = draining || !request.isComplete ? [...told.headers, 'Connection', 'close'] : told.headers;
    const { bytesOut } = sendWhole(answer, { ...told, headers });
    // What the client gets, whatever the proxy is told.
    Object.assign(exchange, { status: refusal.status, bytesOut });
  }

  /** The pipeline's word. A defect in it becomes a 500 that names the request, and nothing passes. */
  async #decide({ asked, exchange, settings }: Question): Promise<Decision<Place>> {
    let decision: Decision<Place>;
    if (asked.kind === 'refused') decision = asked.denial;
    else {
      try {
        decision = await decide(factsOf(asked, exchange), settings.gate);
      } catch (error) {
        const detail = error instanceof Error ? (error.stack ?? error.name) : 'unknown';
        this.#parts.log.error({ requestId: exchange.requestId, detail }, 'a defect');
        decision = deny('internal_error', {});
      }
    }
    this.#record.decided(exchange, decision);
    return decision;
  }

  /**
   * The refusal that the proxy wants rendered, where it is one of ours. Nothing is decided again, and the request that
   * was refused has its record. Any other is null, goes on as a question, and is refused.
   */
  #refusalWithin({ request, head, door }: Question): RefusalText | null {
    if (request.head.target !== REFUSAL_PATH || door.denyAs !== 403) return null;
    if (!door.trusted.trusts(request.peer)) return null;
    const signed = onlyLine(head.raw, REFUSAL_HEADER.toLowerCase());
    return signed === null ? null : openRefusal(signed, door.seal, this.#parts.clock.now());
  }
}

function factsOf(asked: Extract<Asked, { kind: 'original' }>, exchange: Exchange): RequestFacts {
  const { head } = asked.original;
  const { method, url, address, upgrade } = exchange;
  return { method, url, httpVersion: '1.1', head, address, upgrade, waits: exchange };
}
