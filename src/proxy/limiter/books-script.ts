import { BEAT_LUA } from './members-script.ts';
import { SHELVES_LUA } from './shelves-script.ts';

const GRANTS = `
-- Ends a grant: what was leased leaves the books, what was spent of it comes back with what is known of when.
local function settle(shelf, grant, kept, spent)
  for _, mark in ipairs(grant[7]) do
    local book
    for _, other in ipairs(shelf[4]) do
      if other[1] == mark[1] then book = other end
    end
    if book then
      if not kept and grant[5] > 0 then remove(book, mark[2], grant[5]) end
      for i = 1, #mark[3], 2 do remove(book, mark[3][i], mark[3][i + 1]) end
      for i = 1, #mark[4], 2 do
        if mark[4][i] > shelf[3] then add(book, mark[4][i], mark[4][i + 1]) end
      end
      local left = grant[6]
      for _, one in ipairs(spent) do
        local n = math.min(one[2], left)
        local e = ending(book, math.min(grant[4] + one[1], shelf[3]) + book[1])
        if n > 0 and e > shelf[3] then add(book, e, n) end
        left = left - n
      end
    end
  end
end

-- Turns the shelf to the limits of the call. A new window starts with what the old ones know, booked as now.
local function turn(shelf, limits)
  local used, kept, books, changed = 0, {}, {}, #limits ~= #shelf[4]
  for _, book in ipairs(shelf[4]) do
    used = math.max(used, book[2])
    kept[book[1]] = book
  end
  for i, limit in ipairs(limits) do
    local book = kept[limit[2]]
    local cell = limit[1] > EXACT_UP_TO and math.ceil(limit[2] / CELLS) or 0
    if book then
      book[5] = cell
    else
      changed = true
      book = {limit[2], 0, {}, {}, cell}
      if used > 0 then add(book, ending(book, shelf[3] + limit[2]), used) end
    end
    books[i] = book
  end
  shelf[4] = books
  return changed
end

-- Units beyond those free that come free within the horizon: pieces of { wait, units }, and where they come from.
local function schedule(places, granted, wanted)
  local pieces, got = {}, 0
  for _, place in ipairs(places) do
    place.spare = place.free - granted
    place.i = 1
    place.left = place.book[4][1] or 0
    place.taken = {}
  end
  local function pass(place, n)
    place.left = place.left - n
    if place.left == 0 then
      place.i = place.i + 1
      place.left = place.book[4][place.i] or 0
    end
  end
  while got < wanted do
    local wait, size = 0, wanted - got
    for _, place in ipairs(places) do
      while place.spare < 0 and place.left > 0 do
        local n = math.min(place.left, -place.spare)
        place.spare = place.spare + n
        pass(place, n)
      end
      if place.spare > 0 then
        size = math.min(size, place.spare)
      else
        local e = place.book[3][place.i]
        if place.spare < 0 or not e or e - place.t > call.horizon then return pieces, got end
        wait = math.max(wait, e - place.t)
        size = math.min(size, place.left)
      end
    end
    for _, place in ipairs(places) do
      if place.spare > 0 then
        place.spare = place.spare - size
      else
        table.insert(place.taken, place.book[3][place.i])
        table.insert(place.taken, size)
        pass(place, size)
      end
    end
    table.insert(pieces, wait)
    table.insert(pieces, size)
    got = got + size
  end
  return pieces, got
end
`;

const DECISION = `
local shelves, places, dirty = {}, {}, {}
for p, part in ipairs(call.parts) do
  local shelf, known = read(p)
  if part.expected == 1 and not known then return {'lost', run, now} end
  shelves[p] = shelf
end
for _, shelf in ipairs(shelves) do
  local last = shelf[5][call.id]
  if last and last[1] >= call.number then return {'late', run, now} end
end

for p, part in ipairs(call.parts) do
  local shelf = shelves[p]
  local last = shelf[5][call.id]
  if last then
    -- The caller never heard of a grant above the last number it knows: nothing of it was used.
    local kept = last[1] <= call.known
    settle(shelf, last, kept, kept and call.spent or {})
    shelf[5][call.id] = nil
    dirty[p] = true
  end
  if turn(shelf, part.limits) then dirty[p] = true end
  for i, limit in ipairs(part.limits) do
    local book = shelf[4][i]
    for _, own in ipairs(part.own and part.own[i] or {}) do
      add(book, ending(book, shelf[3] + own[1]), own[2])
      dirty[p] = true
    end
    local cap = limit[1] - limit[3]
    table.insert(places, {p = p, book = book, t = shelf[3], cap = cap, free = cap - book[2]})
  end
end

local free = math.huge
for _, place in ipairs(places) do free = math.min(free, place.free) end
free = math.max(0, free)
local atonce = math.min(call.now, free)
local most = call.share > 0 and math.max(1, math.floor(free / call.share)) or free
local leased = math.max(0, math.min(call.more, most - atonce, free - atonce))
local pieces, later = {}, 0
if call.ahead > 0 and atonce + leased == free then
  -- No more than is every member's: of the limit, or of what comes free, where that is more.
  local coming = math.huge
  for _, place in ipairs(places) do
    local units, i = place.free - free, 1
    while place.book[3][i] and place.book[3][i] - place.t <= call.horizon do
      units = units + place.book[4][i]
      i = i + 1
    end
    coming = math.min(coming, units)
  end
  pieces, later = schedule(places, free, math.min(call.ahead, math.max(call.fair, math.ceil(coming / call.members))))
end
if leased > 0 then
  table.insert(pieces, 1, leased)
  table.insert(pieces, 1, 0)
end

local lease = 0
for i = 1, #pieces, 2 do lease = math.max(lease, math.ceil(pieces[i] * 1.25) + call.life) end
local shortest = math.huge
for _, place in ipairs(places) do shortest = math.min(shortest, place.book[1]) end
for p, shelf in ipairs(shelves) do
  if atonce + leased + later > 0 or call.doubt == 1 then
    local t, known = shelf[3], 0
    for _ in pairs(shelf[5]) do known = known + 1 end
    if known < GRANTS then
      local forgotten = t + math.max(lease, 200000) + shortest / 4
      shelf[5][call.id] = {call.number, forgotten, t + lease, t, atonce, leased + later, {}}
    end
    dirty[p] = true
  end
end
for _, place in ipairs(places) do
  local book, t, leases = place.book, place.t, {}
  local e = ending(book, t + book[1])
  if atonce > 0 then add(book, e, atonce) end
  for i = 1, #(place.taken or {}), 2 do remove(book, place.taken[i], place.taken[i + 1]) end
  for i = 1, #pieces, 2 do
    local last = ending(book, t + math.ceil(pieces[i] * 1.25) + call.life + book[1])
    add(book, last, pieces[i + 1])
    table.insert(leases, last)
    table.insert(leases, pieces[i + 1])
  end
  local grant = shelves[place.p][5][call.id]
  if grant and (#leases > 0 or atonce > 0) then
    table.insert(grant[7], {book[1], e, leases, place.taken or {}})
  end
end

local open, late, stand = math.huge, 0, {}
for _, place in ipairs(places) do
  local book, t, opens = place.book, place.t, math.huge
  for id, grant in pairs(shelves[place.p][5]) do
    if id ~= call.id and grant[6] > 0 then
      if grant[3] > t then opens = math.min(opens, grant[3] - t) else late = 1 end
    end
  end
  open = math.min(open, opens)
  local left = place.cap - book[2]
  local missing, wait, i = 1 - left, 0, 1
  while missing > 0 and book[3][i] do
    missing = missing - book[4][i]
    wait = book[3][i] - t
    i = i + 1
  end
  if left == 0 then wait = math.min(wait, opens) end
  table.insert(stand, left)
  table.insert(stand, book[3][1] and book[3][1] - t or 0)
  table.insert(stand, missing > 0 and -1 or wait)
end

for p, shelf in ipairs(shelves) do
  if dirty[p] then write(p, shelf) end
end
return {'done', run, now, atonce, pieces, stand, open == math.huge and 0 or open, late}
`;

/** The books, and the registry of the members where a beat goes along: its key is the last one then. */
export const BOOKS_LUA = `
local call = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local run = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
${BEAT_LUA}
local function books()
${SHELVES_LUA}${GRANTS}${DECISION}
end
if not call.beat then return books() end
-- In another process a beat would be contact before its books have been told anything.
local beaten = call.run == run and member(call.beat, KEYS[#KEYS], now, run) or {'seen', run, now}
return {books(), beaten}
`;
