/**
 * The slots of one owner: one Redis string, { member: { number of its last call, { partition: slots } } }. What a
 * member occupies is set, never added to, so that a call may be lost or made again. A member sets it again from time to
 * time; what belongs to members that are gone is taken out by whoever finds them gone.
 *
 * The parameter is the call as JSON: see `SlotsCall` in slots-call.ts. Nothing is written before everything is decided.
 */
export const SLOTS_LUA = `
local call = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local run = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
if call.run ~= run then return {'moved', run, now} end
if now > call.by then return {'late', run, now} end

local text = redis.call('GET', KEYS[1])
local rows = text and cmsgpack.unpack(text) or {}
local row = rows[call.id]
if row and row[1] >= call.number then return {'late', run, now} end
for _, id in ipairs(call.gone) do rows[id] = nil end

local others, members, total = {}, {}, {}
for id, other in pairs(rows) do
  if id ~= call.id then
    table.insert(members, id)
    for partition, slots in pairs(other[2]) do others[partition] = (others[partition] or 0) + slots end
  end
end

-- call.parts: { partition, occupied, kept besides where nobody else needs it, limit }. call.asked: for each request
-- that waits, the parts of which it needs a slot.
local granted = {}
for i, needs in ipairs(call.asked) do
  local room = true
  for _, p in ipairs(needs) do
    local part = call.parts[p]
    if (others[part[1]] or 0) + part[2] >= part[4] then room = false end
  end
  if room then
    for _, p in ipairs(needs) do call.parts[p][2] = call.parts[p][2] + 1 end
  end
  granted[i] = room and 1 or 0
end
local mine, held = {}, {}
for p, part in ipairs(call.parts) do
  local spare = part[4] - (others[part[1]] or 0) - part[2]
  held[p] = part[2] + math.max(0, math.min(part[3] - part[2], spare))
  if held[p] > 0 then mine[part[1]] = held[p] end
end
-- A row without slots still says which calls are too late.
rows[call.id] = {call.number, mine}
local keep = 1000
for _, other in pairs(rows) do
  if next(other[2]) then keep = call.keep end
end
redis.call('SET', KEYS[1], cmsgpack.pack(rows), 'PX', keep)
return {'done', run, now, granted, held, members}
`;
