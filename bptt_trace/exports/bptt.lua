-- A filter for pandoc and Quarto: a fenced block of class "bptt" becomes the sheet of the problem in it.
--
--   ```{.bptt command="worksheet" hints="1"}      attributes are options of the command line; "true" stands for a switch
--   [network] ...                                 or problem="rnn" and an empty block
--   ```
--
-- In HTML the pictures are SVG, elsewhere they are drawn in characters. Headings go below the one above the block.

local level = 0

local function words(block)
  local command = block.attributes.command or "solve"
  local found = { command, block.attributes.problem or "-", "-f", "markdown", "--flavor", "pandoc" }
  for name, value in pairs(block.attributes) do
    if name ~= "command" and name ~= "problem" then
      table.insert(found, "--" .. name)
      if value ~= "true" then table.insert(found, value) end
    end
  end
  return found
end

local function run(arguments, text)
  local done, result = pcall(pandoc.pipe, "bptt-trace", arguments, text)
  if not done then error("bptt block: " .. (result.command and "bptt-trace refused it, see above" or tostring(result)), 0) end
  return result
end

local function contents(path)
  local file = assert(io.open(path, "r"))
  local text = file:read("a")
  file:close()
  return text
end

local function sheet(block)
  local arguments = words(block)
  if not FORMAT:match("html") then return pandoc.read(run(arguments, block.text), "markdown") end
  return pandoc.system.with_temporary_directory("bptt", function(folder)
    table.insert(arguments, "-o")
    table.insert(arguments, folder .. "/sheet.md")
    run(arguments, block.text)
    return pandoc.read(contents(folder .. "/sheet.md"), "markdown"):walk({
      Image = function(image) return pandoc.RawInline("html", contents(folder .. "/" .. image.src)) end,
    })
  end)
end

function Pandoc(document)
  return document:walk({
    traverse = "topdown",
    Header = function(header) level = header.level end,
    CodeBlock = function(block)
      if not block.classes:includes("bptt") then return nil end
      local below = level
      local deeper = { Header = function(header) header.level = header.level + below return header end }
      return sheet(block):walk(deeper).blocks, false
    end,
  })
end
