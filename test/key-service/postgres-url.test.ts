import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { parsePostgresUrl } from '../../src/key-service/store/postgres-url.ts';
import { testFolder } from './folder.ts';

const parse = (text: string) => parsePostgresUrl(new Secret(text));

describe('the URL of a PostgreSQL store', () => {
  test('says host, port, database, user and password', () => {
    expect(parse('postgres://me:p%40ss%2F%3A@db.example:6000/keys')).toEqual({
      name: 'db.example:6000/keys',
      host: 'db.example',
      port: 6000,
      database: 'keys',
      user: 'me',
      password: 'p@ss/:',
      ssl: false,
      options: undefined,
      applicationName: 'plexgate',
      connectMs: null,
    });
  });

  const names: [string, string][] = [
    ['postgresql://db.example/keys', 'db.example:5432/keys'],
    ['postgres://u@[::1]:1/keys', '[::1]:1/keys'],
    ['postgres://u@%2Fvar%2Frun%2Fpostgresql/keys', '/var/run/postgresql:5432/keys'],
    ['postgres://u@localhost/keys?host=/tmp', '/tmp:5432/keys'],
    ['postgres://u@h/a%20b', 'h:5432/a b'],
    ['postgres://u@h:1/d?port=2', 'h:2/d'],
  ];
  test.each(names)('%s is called %s', (text, name) => {
    expect(parse(text).name).toBe(name);
  });

  test('leaves user and password to the environment where it has none', () => {
    expect(parse('postgres://h/d')).toMatchObject({ user: undefined, password: undefined });
  });

  test('may say who connects and how long that may take', () => {
    expect(parse('postgres://h/d?application_name=keys&connect_timeout=2')).toMatchObject({
      applicationName: 'keys',
      connectMs: 2000,
    });
  });

  test('may set a search path', () => {
    expect(parse('postgres://h/d?options=-c%20search_path%3Dplexgate').options).toBe(
      '-c search_path=plexgate',
    );
  });

  const mistakes: [string, string][] = [
    ['mysql://u:hidden@h/d', 'must have the form'],
    ['postgres://u:hidden@h:port/d', 'must have the form'],
    ['postgres://u:hidden@h', 'must name a database'],
    ['postgres://u:hidden@h/', 'must name a database'],
    ['postgres:///d?hidden', 'parameter that is not known'],
    ['postgres:///d', 'must name one host'],
    ['postgres://u:hidden@a,b/d', 'must name one host'],
    ['postgres://u:hidden%zz@h/d', 'the password in the URL is not percent-encoded'],
    ['postgres://u:hidden@h/d?password=hidden', 'known are application_name, connect_timeout, host'],
    ['postgres://u:hidden@h/d?connect_timeout=0', 'connect_timeout must be a whole number from 1 to 600'],
    ['postgres://u:hidden@h/d?port=x', 'port must be a whole number from 1 to 65535'],
    ['postgres://u:hidden@h:0/d', 'port must be a whole number'],
    ['postgres://u:hidden@h/d?sslmode=prefer', 'sslmode must be one of disable, require, verify-ca'],
    ['postgres://u:hidden@h/d?sslmode=verify-ca', 'needs sslrootcert'],
    ['postgres://u:hidden@h/d?sslrootcert=/x', 'but sslmode is not'],
    ['postgres://u:hidden@h/d?sslmode=verify-full&sslrootcert=/nowhere', 'sslrootcert: ENOENT'],
  ];
  test.each(mistakes)('%s is refused: %s', (text, why) => {
    expect(() => parse(text)).toThrow(why);
    expect(() => parse(text)).not.toThrow('hidden');
  });

  test('says how much of TLS there is to be', () => {
    const ca = join(testFolder(), 'ca.pem');
    writeFileSync(ca, 'the authority');
    const tls = (parameters: string) => parse(`postgres://h/d?${parameters}`).ssl;
    const anyName = { checkServerIdentity: expect.any(Function) };
    expect(tls('sslmode=disable')).toBe(false);
    expect(tls('sslmode=require')).toEqual({ rejectUnauthorized: false });
    expect(tls(`sslmode=require&sslrootcert=${ca}`)).toEqual({ ca: 'the authority', ...anyName });
    expect(tls(`sslmode=verify-ca&sslrootcert=${ca}`)).toEqual({ ca: 'the authority', ...anyName });
    expect(tls(`sslmode=verify-full&sslrootcert=${ca}`)).toEqual({ ca: 'the authority' });
    expect(tls('sslmode=verify-full&sslrootcert=system')).toEqual({});
    expect(tls('sslmode=verify-full')).toEqual({});
    expect(tls(`sslmode=verify-full&sslcert=${ca}&sslkey=${ca}`)).toEqual({
      cert: 'the authority',
      key: 'the authority',
    });
  });
});
