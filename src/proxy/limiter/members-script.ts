/**
 * The registry of the members that share limits: one Redis string, plexgate:limits, { made at, rows, runs }.
 * - A row, by member: { number of its last beat, beat at, order, count, rank, reported runs, silence, longest window,
 *   whether it has left, name }. Count and rank say which part the member may hold, at most; count 0: none. It is what the
 *   others keep for it. Who has left keeps a row, without a part, as long as what it spent may count: other books than
 *   those it was booked in know nothing of it. Who starts under the name of another has taken its place: the other
 *   one has lapsed.
 * - Runs: since when each Redis process has been known that has books.
 *
 * Times are microseconds of Redis' TIME. The parameter is the beat as JSON: see `Beat` in members-call.ts. A beat may
 * also go with a call on the books, which then has the registry as its last key.
 */
export const BEAT_LUA = `
local function member(beat, registry, now, run)
local RUNS = 16
if beat.kind == 'look' then return {'seen', run, now} end
if now > beat.by then return {'late', run, now} end

local text = redis.call('GET', registry)
local made, rows, runs = now, {}, {}
if text then made, rows, runs = unpack(cmsgpack.unpack(text)) end
local row = rows[beat.id]
if row and row[1] >= beat.number then return {'late', run, now} end

local function save()
  local keep = math.ceil(beat.keep / 1000)
  redis.call('SET', registry, cmsgpack.pack({made, rows, runs}), 'PX', keep)
end

if beat.kind == 'leave' then
  if row then row[2], row[4], row[5], row[9] = now, 0, 0, 1 end
  save()
  return {'seen', run, now}
end

-- A member that was there before and has no row: the registry is another one. It is made again of what is remembered.
if not row and beat.joined == 1 and #beat.rows == 0 then return {'forgotten', run, now} end
local order, longest = 0, 0
for _, one in ipairs(beat.rows) do
  local id = one[1]
  if not rows[id] then rows[id] = {0, now, one[2], one[3], one[4], {}, one[5], one[6], one[7], one[8]} end
end
for id, other in pairs(rows) do
  order = math.max(order, other[3])
  longest = math.max(longest, other[8])
end
for id, other in pairs(rows) do
  if now - other[2] > (other[9] == 1 and 0 or beat.lapse) + longest then rows[id] = nil end
end
if not rows[beat.id] then
  for _, other in pairs(rows) do
    if other[10] == beat.name then other[2] = math.min(other[2], now - beat.lapse - 1) end
  end
end
row = rows[beat.id] or {0, now, order + 1, 0, 0, {}, 0, 0, 0, beat.name}
rows[beat.id] = row
row[1], row[2], row[4], row[5] = beat.number, now, beat.count, beat.rank
row[6], row[7], row[8], row[9] = beat.told, beat.silence, beat.longest, 0
if not runs[run] then runs[run] = now end
for _, seen in ipairs(beat.seen) do
  if not runs[seen] then runs[seen] = now end
end
local count, oldest = 0, nil
for id, since in pairs(runs) do
  count = count + 1
  if id ~= run and (not oldest or since < runs[oldest]) then oldest = id end
end
if count > RUNS then runs[oldest] = nil end

-- Who has lapsed spends nothing any more. Its part is nobody's for a window yet, and a new part is used after a window.
local ids = {}
for id, other in pairs(rows) do
  if other[9] == 0 and now - other[2] <= beat.lapse then table.insert(ids, id) end
end
table.sort(ids, function(a, b)
  if rows[a][3] ~= rows[b][3] then return rows[a][3] < rows[b][3] end
  return a < b
end)
-- Nobody else holds more than its present part: then this member may hold its own. A registry made anew may lack some.
local mine, all = 0, now - made >= beat.believed
for i, id in ipairs(ids) do
  local other = rows[id]
  if id == beat.id then
    mine = i - 1
  elseif other[4] > 0 and (other[4] < #ids or other[5] < i - 1) then
    all = false
  end
end
local holds = {0, 0}
if all then
  holds = {#ids, mine}
  -- The row stays at what the member holds until it has heard that it holds less.
  if row[4] == 0 then
    row[4], row[5] = #ids, mine
  else
    row[4], row[5] = math.min(row[4], #ids), math.min(row[5], mine)
  end
elseif row[4] > 0 then
  holds = {math.max(row[4], #ids), math.max(row[5], mine)}
end
save()

local out, since, pace = {}, {}, beat.silence
for id, other in pairs(rows) do
  if other[9] == 0 then pace = math.min(pace, other[7]) end
  table.insert(out, {id, now - other[2], other[3], other[4], other[5], other[7], other[8], other[9], other[10], other[6]})
end
for id, at in pairs(runs) do
  table.insert(since, id)
  table.insert(since, now - at)
end
return {'done', run, now, now - made, holds[1], holds[2], pace, out, since}
end
`;

export const MEMBERS_LUA = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local run = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
${BEAT_LUA}
return member(cjson.decode(ARGV[1]), KEYS[1], now, run)
`;
