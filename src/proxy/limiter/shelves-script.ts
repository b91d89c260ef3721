/**
 * The books in Redis, and the one script that reads and writes them. Times inside are microseconds of Redis' TIME,
 * kept relative to a base so that they pack small; everything that goes in or out is a duration.
 *
 * Books belong to a process of Redis while it is a master: its replication id is another one after each start, and after
 * each time it becomes a master. What another one has may lack what was spent last.
 *
 * A shelf is one Redis string for each partition: { replication id, base, latest time, books, grants }.
 * - A book: { window, used, ends, units, cell }. `units[i]` units come free at `ends[i]`, ascending. Large limits have
 *   ends on a grid of `cell`, rounded up.
 * - A grant, by the name of the purse: { number, forgotten at, lease end, made at, spent at once, on lease, marks }.
 *   Marks say what was booked, for each window: { window, end of those spent at once, leased ends and units, ends and
 *   units that were taken before they were free }.
 *
 * `call` is the parameter: see `Call` in redis-books.ts. Nothing is written before everything is decided.
 */
export const SHELVES_LUA = `
local CELLS, EXACT_UP_TO, GRANTS = 256, 256, 256
local STEP_BACK, REBASE_AFTER = 1000000, 2147483648
if call.run ~= run then return {'moved', run, now} end
if now > call.by then return {'late', run, now} end

local function find(book, e)
  local ends = book[3]
  local i = #ends
  while i > 0 and ends[i] > e do i = i - 1 end
  return i
end

local function add(book, e, n)
  local i = find(book, e)
  if i > 0 and book[3][i] == e then
    book[4][i] = book[4][i] + n
  else
    table.insert(book[3], i + 1, e)
    table.insert(book[4], i + 1, n)
  end
  book[2] = book[2] + n
end

local function remove(book, e, n)
  local i = find(book, e)
  if i == 0 or book[3][i] ~= e then return end
  n = math.min(n, book[4][i])
  book[4][i] = book[4][i] - n
  book[2] = book[2] - n
  if book[4][i] == 0 then
    table.remove(book[3], i)
    table.remove(book[4], i)
  end
end

local function ending(book, e)
  local cell = book[5]
  return cell == 0 and e or math.ceil(e / cell) * cell
end

local function advance(book, t)
  local ends, units = book[3], book[4]
  local dead, n = 0, #ends
  while dead < n and ends[dead + 1] <= t do
    dead = dead + 1
    book[2] = book[2] - units[dead]
  end
  if dead == 0 then return end
  for i = 1, n do
    ends[i] = ends[i + dead]
    units[i] = units[i + dead]
  end
end

-- Moves the shelf's own time back by d. What is left of each booking stays as it is.
local function shift(shelf, d)
  shelf[3] = shelf[3] - d
  for _, book in ipairs(shelf[4]) do
    for i = 1, #book[3] do book[3][i] = book[3][i] - d end
  end
  for _, grant in pairs(shelf[5]) do
    for i = 2, 4 do grant[i] = grant[i] - d end
    for _, mark in ipairs(grant[7]) do
      mark[2] = mark[2] - d
      for _, list in ipairs({mark[3], mark[4]}) do
        for i = 1, #list, 2 do list[i] = list[i] - d end
      end
    end
  end
end

local function read(p)
  local text = redis.call('GET', KEYS[p])
  local shelf = text and cmsgpack.unpack(text)
  -- Where it may lack something, members tell what they spent instead.
  local known = shelf and shelf[1] == run
  if not known then shelf = {run, now, 0, {}, {}} end
  local t = now - shelf[2]
  if t < shelf[3] - STEP_BACK then
    shift(shelf, shelf[3] - t)
  elseif t > REBASE_AFTER then
    shift(shelf, t)
    shelf[2] = now
    t = 0
  end
  shelf[3] = math.max(t, shelf[3])
  for _, book in ipairs(shelf[4]) do advance(book, shelf[3]) end
  for id, grant in pairs(shelf[5]) do
    if grant[2] <= shelf[3] then shelf[5][id] = nil end
  end
  return shelf, known
end

local function write(p, shelf)
  local last = shelf[3]
  for _, book in ipairs(shelf[4]) do
    last = math.max(last, book[3][#book[3]] or last)
  end
  for _, grant in pairs(shelf[5]) do last = math.max(last, grant[2]) end
  if last == shelf[3] then
    redis.call('DEL', KEYS[p])
  else
    local keep = math.ceil((last - shelf[3]) / 1000) + 1
    redis.call('SET', KEYS[p], cmsgpack.pack(shelf), 'PX', keep)
  end
end
`;
