import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVER_CORE } from '../machine.ts';
import { freePort, type Programs } from '../program.ts';
import { randomKeys } from './node-servers.ts';
import { FORWARDS, type Server } from './server.ts';

/** HAProxy that forwards, on one thread, without an access log. */
export async function startHaproxy(programs: Programs, upstream: string): Promise<Server> {
  const port = await freePort();
  const file = join(programs.folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  http-reuse always
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
listen all
  bind 127.0.0.1:${port}
  server origin ${new URL(upstream).host}
`,
  );
  const started = programs.start(SERVER_CORE, ['haproxy', '-db', '-f', file]);
  return running(programs, 'haproxy', port, started);
}

/** Caddy that forwards, on one core, without an access log. */
export async function startCaddy(programs: Programs, upstream: string): Promise<Server> {
  const port = await freePort();
  const file = join(programs.folder, 'Caddyfile');
  writeFileSync(
    file,
    `{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy ${new URL(upstream).host} {
    flush_interval -1
    transport http {
      keepalive_idle_conns_per_host 512
    }
  }
}
`,
  );
  const command = ['caddy', 'run', '--config', file, '--adapter', 'caddyfile'];
  const { folder } = programs;
  const env = { GOMAXPROCS: '1', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  return running(programs, 'caddy', port, programs.start(SERVER_CORE, command, env));
}

async function running(
  programs: Programs,
  name: string,
  port: number,
  started: ReturnType<Programs['start']>,
): Promise<Server> {
  await programs.listens(started, port);
  return {
    name,
    origin: `http://127.0.0.1:${port}`,
    pid: started.pid,
    keys: randomKeys(),
    cases: FORWARDS,
  };
}
