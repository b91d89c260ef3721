import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { deny } from '../core/decision.ts';
import { plainAddress } from './address.ts';
import { denyUnparsed } from './deny.ts';
import { openExchange, type Exchange, type Recorder } from './record.ts';
import { Turns } from './turns.ts';
import { newRequestId } from './visit.ts';

/** A client's connection. */
export interface Line {
  readonly turns: Turns;
  /** The request whose turn it is. */
  current: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly exchange: Exchange;
  } | null;
  /** What the parser refused behind requests that are to be answered first. */
  broken: NodeJS.ErrnoException | null;
  /** It has had its last answer. */
  isOver: boolean;
}

/** The connections of clients, and the end of those on which the parser refuses something. */
export class Lines {
  readonly #record: Recorder;
  readonly #clock: Clock;
  readonly #lines = new WeakMap<Duplex, Line>();

  constructor(record: Recorder, clock: Clock) {
    this.#record = record;
    this.#clock = clock;
  }

  of(socket: Duplex): Line {
    let line = this.#lines.get(socket);
    if (line === undefined) {
      line = { turns: new Turns(socket), current: null, broken: null, isOver: false };
      this.#lines.set(socket, line);
    }
    return line;
  }

  /**
   * What the parser refuses is answered with a bare status, and the connection ends. Requests before it are served
   * first. One whose own body turned out to be broken is answered so itself, unless its answer has begun.
   */
  refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    const line = this.of(socket);
    // The parser says it again of all that comes behind; that is dropped.
    if (line.isOver) return;
    const { current, turns } = line;
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
    } else if (current === null || current.request.complete || turns.waiting > 0) {
      line.broken ??= error;
      if (!turns.isTaken) this.refuseBroken(socket, line);
    } else if (current.response.headersSent) {
      socket.destroy();
    } else {
      line.isOver = true;
      // Once it is out, nothing more may be answered; this also ends what was sent upstream.
      const status = denyUnparsed(socket, error, () => current.response.destroy());
      Object.assign(current.exchange, {
        status,
        failure: reasonOf(status),
        detail: 'the parser refused its body',
        toldAt: 0,
      });
    }
  }

  /** Answers `broken`, now that nothing before it waits. */
  refuseBroken(socket: Duplex, line: Line): void {
    if (line.broken === null || line.isOver || !socket.writable) return;
    line.isOver = true;
    const status = denyUnparsed(socket, line.broken);
    const address = 'remoteAddress' in socket ? plainAddress(String(socket.remoteAddress)) : '';
    const exchange = openExchange(
      { requestId: newRequestId(), method: '', url: '', address, userAgent: null },
      this.#clock.monotonic(),
    );
    this.#record.decided(exchange, deny(reasonOf(status), {}, { detail: 'the parser refused it' }));
    exchange.status = status;
    this.#record(exchange);
  }
}

function reasonOf(status: number) {
  return status === 431 ? 'headers_too_large' : 'malformed_request';
}
