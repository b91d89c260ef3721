import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openCertificateFiles } from '../../src/runtime/certificate-files.ts';
import { createLog } from '../../src/runtime/log.ts';
import { until } from '../commands/running-program.ts';
import { makeAuthority } from '../support/certificates.ts';

const expiryOf = (pem: string): number => new X509Certificate(pem).validToDate.getTime();

it('of several certificates it is said when the first expires, of those in force', async () => {
  const [early, late] = [makeAuthority(5).certificate, makeAuthority(30).certificate];
  expect(expiryOf(late)).toBeGreaterThan(expiryOf(early));
  const folder = await mkdtemp(join(tmpdir(), 'plexgate-certificates-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const ca = join(folder, 'ca.pem');
  await writeFile(ca, `What they are for\n${late}${early}`);
  const told: (number | boolean)[] = [];
  const files = await openCertificateFiles({
    name: 'proxy.upstreamTls',
    paths: { ca },
    log: createLog('info', { write: () => undefined }),
    onChange: () => undefined,
    told: (isInForce) => told.push(isInForce),
    expires: (at) => told.push(at),
  });
  onTestFinished(() => files.close());
  expect(told).toEqual([true, expiryOf(early)]);

  await writeFile(ca, 'none');
  await until(
    () => told.includes(false),
    () => told.join(' '),
  );
  await writeFile(ca, late);
  await until(
    () => told.length === 5,
    () => told.join(' '),
  );
  expect(told).toEqual([true, expiryOf(early), false, true, expiryOf(late)]);
});
