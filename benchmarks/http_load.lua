-- wrk's script: posts the words of a file, one after another, and prints what became of it as JSON.
-- Arguments: the file, a byte to begin behind, words a request.

local threads = {}
local headers = { ["Content-Type"] = "application/json" }

function setup(thread)
   table.insert(threads, thread)
end

function init(arguments)
   file = assert(io.open(arguments[1]))
   count = tonumber(arguments[3])
   rewound = 0
   if tonumber(arguments[2]) > 0 then
      file:seek("set", tonumber(arguments[2]))
      file:read() -- the rest of a line
   end
end

function request()
   local words = {}
   for place = 1, count do
      local word = file:read()
      if word == nil then
         rewound = rewound + 1
         file:seek("set", 0)
         word = file:read()
      end
      words[place] = word
   end
   local body = '{"source": "model", "words": ["' .. table.concat(words, '", "') .. '"]}'
   return wrk.format("POST", "/pronounce", headers, body)
end

function done(summary, latency, requests)
   local errors = summary.errors
   local rewound = 0
   for _, thread in ipairs(threads) do
      rewound = rewound + thread:get("rewound")
   end
   local figures = {
      string.format('"seconds": %.6f', summary.duration / 1e6),
      string.format('"requests": %d', summary.requests),
      string.format('"refused": %d', errors.status),
      string.format('"lost": %d', errors.connect + errors.read + errors.write),
      string.format('"late": %d', errors.timeout),
      string.format('"rewound": %d', rewound),
      string.format('"p50_ms": %.3f', latency:percentile(50) / 1e3),
      string.format('"p99_ms": %.3f', latency:percentile(99) / 1e3),
   }
   print("{" .. table.concat(figures, ", ") .. "}")
end
