-- Run by wrk: sends the assertions or tokens of a file one after another, and counts the answers by status.
--
-- wrk ... URL -- MODE PATH EMAIL|- [HEADER FILE OFFSET COUNT]
--   plain   no assertion
--   rotate  the COUNT lines from byte OFFSET on, again and again
--   once    each of these lines one time; then the run is over
-- HEADER is what stands before the text of a line. With an EMAIL it is in the header that Access adds
-- beside the assertion.

local FRONT = "GET %s HTTP/1.1\r\nHost: backstage.example.com\r\n"
local EMAIL = "cf-access-authenticated-user-email: %s\r\n"

local mode, count, front, file, header
local lines = {}

-- Of a thread, so global: done() reads them. wrk itself asks once before the run begins.
sent = -1
counts = {}

local answered = 0

function init(args)
  mode = args[1]
  front = string.format(FRONT, args[2])
  if args[3] ~= "-" then front = front .. string.format(EMAIL, args[3]) end
  if mode == "plain" then
    front = front .. "\r\n"
    return
  end
  header = args[4] .. "%s\r\n"
  file = assert(io.open(args[5], "r"))
  file:seek("set", tonumber(args[6]))
  count = tonumber(args[7])
  if mode == "rotate" then
    for i = 1, count do
      lines[i] = front .. string.format(header, file:read("*l")) .. "\r\n"
    end
  end
end

local first

function request()
  sent = sent + 1
  if mode == "plain" then return front end
  if mode == "rotate" then return lines[sent % count + 1] end
  -- What wrk asked for before the run was not sent: it is the first that is.
  if sent <= 0 then
    first = first or front .. string.format(header, file:read("*l")) .. "\r\n"
    return first
  end
  local line = file:read("*l")
  if line == nil then return first end
  return front .. string.format(header, line) .. "\r\n"
end

function response(status)
  counts[status] = (counts[status] or 0) + 1
  answered = answered + 1
  if mode == "once" and answered == count then
    wrk.thread:stop()
    -- wrk itself would sleep on until its time is up.
    io.write("OVER\n")
    io.flush()
  end
end

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function done(summary, latency)
  local thread = threads[1]
  local parts = {}
  for status, number in pairs(thread:get("counts")) do
    table.insert(parts, string.format('"%s":%d', status, number))
  end
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"sent":%d,"answered":%d,"seconds":%.6f,"statuses":{%s},"broken":%d,' ..
      '"latency":{"p50":%d,"p99":%d,"max":%d}}\n',
    thread:get("sent"), summary.requests, summary.duration / 1e6, table.concat(parts, ","),
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
