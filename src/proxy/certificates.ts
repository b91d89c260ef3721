import { openCertificateFiles, type Pems } from '../runtime/certificate-files.ts';
import type { ProxyOptions } from './start.ts';

export interface Certificates {
  /** Of the traffic port; null: in clear. */
  readonly door: Pems<'cert' | 'key'> | null;
  /** Authorities that may vouch for upstreams; null: the public ones. */
  readonly ca: string | null;
  /** Who is told of later ones. */
  follow(followers: {
    readonly door: (pems: Pems<'cert' | 'key'>) => void;
    readonly upstreams: (ca: string) => void;
  }): void;
  close(): void;
}

/** The certificates of both sides, followed while they change. Rejects where they cannot be used. */
export async function openCertificates({
  config: { tls, upstreamTls },
  log,
  metrics,
}: Pick<ProxyOptions, 'config' | 'log' | 'metrics'>): Promise<Certificates> {
  let followers: Parameters<Certificates['follow']>[0] | null = null;
  const about = (name: string) => ({
    name,
    log,
    told: (isInForce: boolean) => metrics.certificatesInForce.labels(name).set(isInForce ? 1 : 0),
    expires: (at: number) => metrics.certificatesExpireAt.labels(name).set(at / 1000),
  });
  const door =
    tls === null
      ? null
      : await openCertificateFiles({
          ...about('proxy.tls'),
          paths: tls,
          onChange: (pems) => followers?.door(pems),
        });
  const authorities =
    upstreamTls === null
      ? null
      : await openCertificateFiles({
          ...about('proxy.upstreamTls'),
          paths: upstreamTls,
          onChange: ({ ca }) => followers?.upstreams(ca),
        });
  return {
    door: door?.pems ?? null,
    ca: authorities?.pems.ca ?? null,
    follow: (these) => {
      followers = these;
    },
    close: () => {
      door?.close();
      authorities?.close();
    },
  };
}
