import { BlockList, isIP } from 'node:net';
import type { RequestHead } from './request-head.ts';

/** The networks whose forwarding headers are believed. */
export class TrustedProxies {
  readonly #networks = new BlockList();
  readonly #any: boolean;

  /** Each network in CIDR form, already validated by the configuration. */
  constructor(networks: readonly string[]) {
    this.#any = networks.length > 0;
    for (const network of networks) {
      const [address = '', length = ''] = network.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      this.#networks.addSubnet(
        address,
        length === '' ? (family === 'ipv6' ? 128 : 32) : Number(length),
        family,
      );
    }
  }

  trusts(address: string): boolean {
    if (!this.#any) return false;
    const family = isIP(address);
    return family !== 0 && this.#networks.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }

  /**
   * The client's address: the peer's, or, behind trusted proxies, the last entry of X-Forwarded-For that is not
   * a trusted proxy itself. Entries further left are the client's own claims.
   */
  clientAddress(peer: string, head: Pick<RequestHead, 'forwardedFor'>): string {
    if (!this.trusts(peer)) return peer;
    const hops = head.forwardedFor.flatMap((line) => line.split(',')).map((hop) => plainAddress(hop.trim()));
    let client = peer;
    for (const hop of hops.toReversed()) {
      if (isIP(hop) === 0) return client;
      // Of its own: as a part of the line it would keep the whole of it for as long as the address is remembered.
      client = Buffer.from(hop).toString();
      if (!this.trusts(hop)) return client;
    }
    return client;
  }
}

const MAPPED = /^(?:::|(?:0{1,4}:){5})ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i;

let lastPlain = { address: '', plain: '' };

/** An IPv4 address in IPv6 clothes (RFC 4291 section 2.5.5.2) as IPv4; anything else as it came. */
export function plainAddress(address: string): string {
  // Most requests come from where the last one came from.
  if (address !== lastPlain.address) lastPlain = { address, plain: plainOf(address) };
  return lastPlain.plain;
}

function plainOf(address: string): string {
  const match = MAPPED.exec(address);
  if (match === null) return address;
  const [, dotted, ...groups] = match;
  if (dotted !== undefined) return dotted;
  const bytes = groups.map((group) => Number.parseInt(group, 16));
  return bytes.flatMap((pair) => [pair >> 8, pair & 255]).join('.');
}

/** Whom an address is counted under: IPv4 whole, IPv6 by its /64, which is what one customer is given at least. */
export function countedAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const [left = '', right] = (address.split('%', 1)[0] ?? '').toLowerCase().split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const groups =
    right === undefined
      ? head
      : [...head, ...Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0'), ...tail];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
