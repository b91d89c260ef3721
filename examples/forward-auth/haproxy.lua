-- http-request lua.plexgate: asks Plexgate whether a request may pass. HAProxy's own HTTP client asks; what it gets is
-- either the whole refusal for the client, or the headers that take the place of the client's own.

local GATE = 'http://127.0.0.1:8082/authorize'
local TIMEOUT_MS = 10000

local REPLACED = {
  'x-key-id', 'x-owner-id', 'x-user-id', 'x-workspace-id', 'x-permission-level', 'x-tier', 'x-allowed-mcps',
  'x-plexgate-identity', 'x-request-id', 'authorization', 'x-api-key',
}
local TOLD = {
  'ratelimit', 'ratelimit-policy', 'x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'deprecation',
  'sunset', 'x-request-id',
}
-- Of one connection, or of a body that is not sent along.
local OWN = {
  ['connection'] = true, ['keep-alive'] = true, ['te'] = true, ['trailer'] = true, ['transfer-encoding'] = true,
  ['upgrade'] = true, ['expect'] = true, ['content-length'] = true, ['host'] = true,
}

local function values_of(headers, name)
  local found, list = headers and headers[name] or {}, {}
  for i = 0, #found do
    if found[i] ~= nil then list[#list + 1] = found[i] end
  end
  return list
end

local function question(txn)
  local sent, asked = txn.http:req_get_headers(), {}
  for name in pairs(sent) do
    if not OWN[name] and not name:find('^x%-original%-') then asked[name] = values_of(sent, name) end
  end
  asked['x-original-method'] = { txn.sf:method() }
  asked['x-original-uri'] = { txn.sf:url() }
  asked['x-original-host'] = values_of(sent, 'host')
  asked['x-original-address'] = { txn.sf:src() }
  asked['x-original-upgrade'] = values_of(sent, 'upgrade')
  return asked
end

local function refuse(txn, answer)
  local reply = txn:reply{ status = answer.status, reason = answer.reason }
  for name in pairs(answer.headers) do
    if not OWN[name] then
      for _, value in ipairs(values_of(answer.headers, name)) do reply:add_header(name, value) end
    end
  end
  reply:set_body(answer.body or '')
  txn:done(reply)
end

core.register_action('plexgate', { 'http-req' }, function(txn)
  local answer = core.httpclient():get{ url = GATE, headers = question(txn), timeout = TIMEOUT_MS }
  -- Every answer of the gate names the request; what does not is HAProxy's own word for a gate that is away.
  if answer == nil or answer.headers == nil or answer.headers['x-request-id'] == nil then
    local reply = txn:reply{ status = 503, reason = 'Service Unavailable' }
    reply:add_header('Retry-After', '1')
    reply:add_header('Cache-Control', 'no-store')
    txn:done(reply)
    return
  end
  if answer.status ~= 200 then
    refuse(txn, answer)
    return
  end
  for _, name in ipairs(REPLACED) do
    txn.http:req_del_header(name)
    local value = values_of(answer.headers, name)[1]
    if value ~= nil and value ~= '' then txn.http:req_set_header(name, value) end
  end
  for _, name in ipairs(TOLD) do
    local value = values_of(answer.headers, name)[1]
    if value ~= nil and value ~= '' then txn:set_var('txn.plexgate_' .. name:gsub('-', '_'), value, true) end
  end
end)
