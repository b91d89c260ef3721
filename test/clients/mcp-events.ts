import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

interface KeptEvent {
  readonly streamId: string;
  readonly message: JSONRPCMessage;
}

/** The events of one session in order, so that a client can ask for those it missed. An event's id is its place. */
export class KeptEvents implements EventStore {
  readonly #events: KeptEvent[] = [];

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    return String(this.#events.push({ streamId, message }) - 1);
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    return this.#events[Number(eventId)]?.streamId;
  }

  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const streamId = this.#events[Number(lastEventId)]?.streamId ?? '';
    for (const [id, event] of this.#events.entries()) {
      if (id > Number(lastEventId) && event.streamId === streamId) await send(String(id), event.message);
    }
    return streamId;
  }
}
