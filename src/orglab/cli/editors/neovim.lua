-- ~/.config/nvim/after/plugin/orglab.lua
local group = vim.api.nvim_create_augroup("orglab", {})
vim.api.nvim_create_autocmd("FileType", {
  group = group,
  pattern = { "org", "gitcommit", "markdown", "python", "sh", "lua", "c", "cpp", "rust", "julia", "r", "yaml", "toml" },
  callback = function(event)
    local file = vim.api.nvim_buf_get_name(event.buf)
    if file == "" then
      return
    end
    -- One server for all files.
    vim.g.orglab_client = vim.lsp.get_client_by_id(vim.g.orglab_client or -1) and vim.g.orglab_client
      or vim.lsp.start_client({ name = "orglab", cmd = { "orglab", "lsp" }, root_dir = vim.fn.getcwd() })
    vim.lsp.buf_attach_client(event.buf, vim.g.orglab_client)
    local function map(keys, action)
      vim.keymap.set("n", keys, action, { buffer = event.buf })
    end
    map("K", vim.lsp.buf.hover)
    map("gd", vim.lsp.buf.definition)
    map("gr", vim.lsp.buf.references)
    map("<leader>a", vim.lsp.buf.code_action)
    vim.bo[event.buf].omnifunc = "v:lua.vim.lsp.omnifunc"
  end,
})
vim.filetype.add({ extension = { org = "org", org_archive = "org" } })
