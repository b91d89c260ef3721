import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { InboundConnection } from '../../../src/proxy/inbound/connection.ts';
import { RawConnection } from '../../support/raw-client.ts';
import { Arrival, type Patience } from './inbound-stage.ts';

/** One connection of ours on a socket, whose clock is the test's. */
export class ClockedConnection {
  readonly arrivals: Arrival[] = [];
  readonly refusals: number[] = [];
  readonly client: RawConnection;
  readonly socket: Socket;
  readonly connection: InboundConnection;
  /** What becomes of a request. */
  does: (arrival: Arrival) => void = () => undefined;
  #now = 1000;
  readonly #server: Server;

  private constructor(server: Server, client: RawConnection, socket: Socket, timeouts: Patience) {
    this.#server = server;
    this.client = client;
    this.socket = socket;
    this.connection = new InboundConnection(
      socket,
      { headerBytes: 8 * 1024, timeouts },
      {
        request: (request, answer) => {
          const arrival = new Arrival(request, answer);
          this.arrivals.push(arrival);
          this.does(arrival);
        },
        upgrade: null,
        refused: (status) => void this.refusals.push(status),
      },
    );
  }

  static async open(timeouts: Patience): Promise<ClockedConnection> {
    const server = createServer({ pauseOnConnect: true, noDelay: true });
    const accepted = new Promise<Socket>((resolve) => void server.once('connection', resolve));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = await RawConnection.open((server.address() as AddressInfo).port);
    const clocked = new ClockedConnection(server, client, await accepted, timeouts);
    clocked.socket.resume();
    return clocked;
  }

  /** Sends text, and waits until all of it has been read. */
  async send(text: string): Promise<void> {
    const to = this.socket.bytesRead + text.length;
    this.client.send(text);
    while (this.socket.bytesRead < to) await new Promise((resolve) => void setImmediate(resolve));
  }

  /** Looks at the clock, that many milliseconds later. */
  after(ms: number): void {
    this.connection.endIfLate((this.#now += ms));
  }

  /** Whether it still stands when the client has had this much time since the first look, and not a millisecond more. */
  endsAfter(ms: number): boolean {
    this.after(0);
    this.after(ms - 1);
    const stood = !this.isOver;
    this.after(1);
    return stood && this.isOver;
  }

  /** Nothing more is read of it. */
  get isOver(): boolean {
    return this.socket.destroyed || this.socket.writableEnded;
  }

  async close(): Promise<void> {
    this.client.drop();
    this.socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
