import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Keys } from '../cases.ts';
import { SERVER_CORE } from '../machine.ts';
import { freePort, type Programs } from '../program.ts';
import { startRedis } from './gate.ts';
import { randomKeys } from './node-servers.ts';
import { FORWARDS, GUARDS, type Server } from './server.ts';

/** Where Debian puts them. */
export const LUA_MODULE = '/usr/lib/nginx/modules/ngx_http_lua_module.so';
const KIT_MODULE = '/usr/lib/nginx/modules/ndk_http_module.so';

/** nginx that forwards and writes an access log. */
export async function startNginx(programs: Programs, upstream: string): Promise<Server> {
  return start(programs, { name: 'nginx', upstream, modules: '', http: '', access: '' }, FORWARDS);
}

/**
 * nginx with an LRU of keys in Lua and one INCR with EXPIRE in Redis for each request: the architecture of Kong and
 * APISIX without their overhead. Both commands go in one write over a kept connection.
 */
export async function startNginxWithLua(programs: Programs, upstream: string): Promise<Server> {
  const keys = randomKeys();
  const { port } = new URL(await startRedis(programs));
  const site = {
    name: 'nginx-lua-redis',
    upstream,
    modules: `load_module ${KIT_MODULE};\nload_module ${LUA_MODULE};`,
    http: `lua_package_path "/usr/share/lua/5.1/?.lua;;"; lua_socket_log_errors off;\n${luaStart(keys)}`,
    access: luaAccess(port),
  };
  return { ...(await start(programs, site, GUARDS)), keys };
}

interface Site {
  readonly name: string;
  readonly upstream: string;
  readonly modules: string;
  readonly http: string;
  readonly access: string;
}

async function start(programs: Programs, site: Site, cases: Server['cases']): Promise<Server> {
  const port = await freePort();
  const folder = join(programs.folder, site.name);
  mkdirSync(folder);
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configOf(site, folder, port));
  const started = programs.start(SERVER_CORE, ['nginx', '-p', folder, '-e', 'error.log', '-c', file]);
  await programs.listens(started, port);
  const origin = `http://127.0.0.1:${port}`;
  return { name: site.name, origin, pid: started.pid, keys: randomKeys(), cases };
}

function configOf({ upstream, modules, http, access }: Site, folder: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const forward = 'proxy_pass http://origin; proxy_request_buffering off;';
  return `${modules}
daemon off; master_process off; worker_processes 1; user root;
pid ${folder}/nginx.pid; error_log ${folder}/error.log warn;
events { worker_connections 8192; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  access_log ${folder}/access.log combined buffer=64k flush=1s;
  keepalive_requests 1000000000; client_max_body_size 10m; client_body_buffer_size 64k;
  ${http}
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream origin { server ${new URL(upstream).host}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
    ${access}
    location / { ${forward} }
    location = /events { ${forward} proxy_buffering off; }
  }
}
`;
}

function luaStart(keys: Keys): string {
  return `init_worker_by_lua_block {
    keys = require("resty.lrucache").new(100000)
    keys:set("${keys.good}", { level = "write", limit = 1e9 })
    keys:set("${keys.readOnly}", { level = "read", limit = 1e9 })
    keys:set("${keys.limited}", { level = "write", limit = 1 })
  }`;
}

function luaAccess(redisPort: string): string {
  return `access_by_lua_block {
      local name = ngx.var.http_x_api_key
      local key = name and keys:get(name)
      if not key then return ngx.exit(401) end
      local method = ngx.req.get_method()
      if key.level == "read" and method ~= "GET" and method ~= "HEAD" then return ngx.exit(403) end
      local redis = ngx.socket.tcp()
      redis:settimeout(1000)
      if not redis:connect("127.0.0.1", ${redisPort}) then return ngx.exit(503) end
      local window = "count:" .. name .. ":" .. math.floor(ngx.now() / 60)
      redis:send({ "*2\\r\\n$4\\r\\nINCR\\r\\n$", #window, "\\r\\n", window,
        "\\r\\n*3\\r\\n$6\\r\\nEXPIRE\\r\\n$", #window, "\\r\\n", window, "\\r\\n$2\\r\\n60\\r\\n" })
      local count = redis:receive("*l")
      redis:receive("*l")
      redis:setkeepalive(60000, 512)
      if not count then return ngx.exit(503) end
      if tonumber(count:sub(2)) > key.limit then return ngx.exit(429) end
    }`;
}
