-- ~/.config/nvim/after/plugin/orglab.lua
local cmd = { "orglab", "lsp" }
local has_keys = { org = true, gitcommit = true, markdown = true }
local function is_orglab(client)
  return client.name == "orglab"
end

local function start(buffer)
  -- One server for all files.
  local config = { name = "orglab", cmd = cmd, root_dir = vim.fn.getcwd() }
  if vim.lsp.start then
    vim.lsp.start(config, { bufnr = buffer, reuse_client = is_orglab })
  else -- Neovim 0.7
    local running = vim.tbl_filter(is_orglab, vim.lsp.get_active_clients())[1]
    vim.lsp.buf_attach_client(buffer, running and running.id or vim.lsp.start_client(config))
  end
end

local function set_keys(buffer)
  local function map(keys, action)
    vim.keymap.set("n", keys, action, { buffer = buffer, nowait = true })
  end
  map("K", vim.lsp.buf.hover)
  map("gd", vim.lsp.buf.definition)
  map("gr", vim.lsp.buf.references)
  map("<leader>a", vim.lsp.buf.code_action)
end

vim.api.nvim_create_autocmd("FileType", {
  group = vim.api.nvim_create_augroup("orglab", {}),
  pattern = { "org", "gitcommit", "markdown", "python", "sh", "lua", "c", "cpp", "rust", "julia", "r", "yaml", "toml" },
  callback = function(event)
    if vim.api.nvim_buf_get_name(event.buf) == "" then
      return
    end
    start(event.buf)
    if has_keys[event.match] then
      set_keys(event.buf)
    end
    if vim.bo[event.buf].omnifunc == "" or has_keys[event.match] then
      vim.bo[event.buf].omnifunc = "v:lua.vim.lsp.omnifunc"
    end
  end,
})
vim.filetype.add({ extension = { org = "org", org_archive = "org" } })
