import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHead } from '../../src/core/request-head.ts';
import { TrustedProxies, countedAddress, plainAddress } from '../../src/proxy/address.ts';

const TRUSTED = ['10.0.0.0/8', '192.168.1.7', '2001:db8:1::/48', '::1'];

/** The client by these X-Forwarded-For lines. */
function clientBy(peer: string, ...lines: string[]): string {
  const head = readHead(lines.flatMap((line) => ['X-Forwarded-For', line]));
  return new TrustedProxies(TRUSTED).clientAddress(peer, head);
}

describe('a peer is trusted', () => {
  it.each([
    ['10.0.0.0', true],
    ['10.255.255.255', true],
    ['11.0.0.0', false],
    ['9.255.255.255', false],
    ['192.168.1.7', true],
    ['192.168.1.8', false],
    ['2001:db8:1::', true],
    ['2001:db8:1:ffff:ffff:ffff:ffff:ffff', true],
    ['2001:DB8:1::A', true],
    ['2001:db8:2::', false],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['::2', false],
    ['fe80::1%eth0', false],
    ['', false],
    ['unix', false],
    ['10.0.0.0.1', false],
    ['10.0.0.1 ', false],
  ])('%j: %s', (address, trusted) => {
    expect(new TrustedProxies(TRUSTED).trusts(address)).toBe(trusted);
  });

  it('never, where no network is trusted', () => {
    expect(new TrustedProxies([]).trusts('127.0.0.1')).toBe(false);
  });

  it('always, by 0.0.0.0/0 and ::/0', () => {
    const all = new TrustedProxies(['0.0.0.0/0', '::/0']);
    expect(['1.2.3.4', '2001:db8::1'].map((address) => all.trusts(address))).toEqual([true, true]);
  });
});

describe("the client's address is", () => {
  const CASES: Record<string, [peer: string, lines: string[], client: string]> = {
    "the peer's, whatever a stranger claims": ['203.0.113.9', ['198.51.100.1'], '203.0.113.9'],
    "the peer's where a trusted proxy says nothing": ['10.0.0.1', [], '10.0.0.1'],
    "the peer's where a trusted proxy says an empty line": ['10.0.0.1', [''], '10.0.0.1'],
    'the last entry': ['10.0.0.1', ['198.51.100.1, 203.0.113.9'], '203.0.113.9'],
    'the last entry that is no trusted proxy': [
      '10.0.0.1',
      ['198.51.100.1, 203.0.113.9, 10.9.9.9'],
      '203.0.113.9',
    ],
    'read over several lines in their order': [
      '10.0.0.1',
      ['198.51.100.1', '203.0.113.9, 10.2.2.2', '::1'],
      '203.0.113.9',
    ],
    'not what stands left of an untrusted entry': ['10.0.0.1', ['10.3.3.3, 203.0.113.9'], '203.0.113.9'],
    'the leftmost where all are trusted': ['10.0.0.1', ['10.3.3.3, 10.2.2.2'], '10.3.3.3'],
    'an address of version 6': ['::1', ['2001:db8:5::1'], '2001:db8:5::1'],
    'an IPv4 address in IPv6 clothes as IPv4': ['10.0.0.1', ['::ffff:203.0.113.9'], '203.0.113.9'],
    'an IPv4 address in hexadecimal IPv6 clothes as IPv4': ['10.0.0.1', ['::FFFF:cb00:7109'], '203.0.113.9'],
    'an IPv4 address in full-length IPv6 clothes as IPv4': [
      '10.0.0.1',
      ['0:0:0:0:0:ffff:203.0.113.9'],
      '203.0.113.9',
    ],
    'behind a trusted proxy in IPv6 clothes': [
      '10.0.0.1',
      ['203.0.113.9, ::ffff:10.2.2.2, ::ffff:a02:203'],
      '203.0.113.9',
    ],
    'spaces and tabs aside': ['10.0.0.1', ['\t203.0.113.9 \t,\t10.2.2.2 '], '203.0.113.9'],
    'the nearest known one where an entry is no address': [
      '10.0.0.1',
      ['198.51.100.1, unknown, 10.2.2.2'],
      '10.2.2.2',
    ],
    'the nearest known one where an entry is empty': ['10.0.0.1', ['198.51.100.1,,10.2.2.2'], '10.2.2.2'],
    'the nearest known one where an entry has a port': ['10.0.0.1', ['198.51.100.1:4711'], '10.0.0.1'],
    'a link-local one with its zone': ['10.0.0.1', ['fe80::1%eth0'], 'fe80::1%eth0'],
  };

  it.each(Object.entries(CASES))('%s', (_, [peer, lines, client]) => {
    expect(clientBy(peer, ...lines)).toBe(client);
  });

  it('never made of what a client wrote itself, whatever it wrote', () => {
    const entry = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom('10.1.1.1', '::1', 'unknown', '', ',', 'fe80::1%x', '%', '::ffff:10.0.0.1', '[::1]:80'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (claims) => {
        expect(clientBy('10.0.0.1', [...claims, '203.0.113.9', '10.2.2.2'].join(','))).toBe('203.0.113.9');
        expect(clientBy('203.0.113.9', claims.join(','))).toBe('203.0.113.9');
      }),
    );
  });
});

describe('addresses in IPv6 clothes', () => {
  it.each([
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::FFFF:203.0.113.9', '203.0.113.9'],
    ['::ffff:cb00:7109', '203.0.113.9'],
    ['::ffff:0:1', '0.0.0.1'],
    ['203.0.113.9', '203.0.113.9'],
    ['::203.0.113.9', '::203.0.113.9'],
    ['::ffff:0:203.0.113.9', '::ffff:0:203.0.113.9'],
    ['64:ff9b::203.0.113.9', '64:ff9b::203.0.113.9'],
    ['', ''],
  ])('%j are read as %j', (address, plain) => {
    expect(plainAddress(address)).toBe(plain);
  });
});

describe('whom an address is counted under', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002:ffff::', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['2001:db8::1:2:3:4', '2001:db8:0:0'],
    ['2001:db8:1::2:3:4:5', '2001:db8:1:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4'],
    ['1:2:3::', '1:2:3:0'],
    ['1:2:3:4:5:6:7::', '1:2:3:4'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['fe80::1%eth0:1', 'fe80:0:0:0'],
    ['1:2:3:4:5:6:203.0.113.9', '1:2:3:4'],
    ['64:ff9b::203.0.113.9', '64:ff9b:0:0'],
    ['no address', 'no address'],
  ])('%s: %s', (address, counted) => {
    expect(countedAddress(address)).toBe(counted);
  });

  it('is one for all spellings of all addresses of a /64, and another for the next', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const groups = (length: number) => fc.array(group, { minLength: length, maxLength: length });
    fc.assert(
      fc.property(groups(4), groups(4), groups(4), fc.boolean(), (network, one, other, upper) => {
        const plain = [...network, ...one].map((part) => part.toString(16)).join(':');
        const written = new URL(
          `http://[${[...network, ...other].map((part) => part.toString(16)).join(':')}]/`,
        );
        const short = written.hostname.slice(1, -1);
        expect(countedAddress(upper ? plain.toUpperCase() : plain)).toBe(countedAddress(short));
        const [first = 0, ...rest] = network;
        const next = [first ^ 1, ...rest, ...one].map((part) => part.toString(16)).join(':');
        expect(countedAddress(next)).not.toBe(countedAddress(plain));
      }),
    );
  });
});
