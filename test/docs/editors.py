"""What docs/editor.md says: the language server's answers, and Neovim with the page's configuration."""
import re
import shutil
import subprocess
from pathlib import Path

from casefolder import expect
from lsp import LanguageServer

ROOT = Path(__file__).resolve().parents[2]
GRAPH = """\
func.func @main(%x: tensor<?x3x8x8xf32, #nnf.dims<[N, 3, 8, 8]>> {nnf.name = "x"},
                %w: tensor<4xWEIGHTf32> {nnf.name = "w"}) -> (tensor<?x4x6x6xf32, #nnf.dims<[N, 4, 6, 6]>> {nnf.name = "y"}) {
  %y = nnf.conv2d %x, %w : (tensor<?x3x8x8xf32, #nnf.dims<[N, 3, 8, 8]>>, tensor<4xWEIGHTf32>) -> tensor<?x4x6x6xf32, #nnf.dims<[N, 4, 6, 6]>>
  return %y : tensor<?x4x6x6xf32, #nnf.dims<[N, 4, 6, 6]>>
}
"""
GOOD, BAD = GRAPH.replace("WEIGHT", "3x3x3x"), GRAPH.replace("WEIGHT", "3x3x")
# What a person does in Neovim: looks at the error, corrects it, and presses the page's keys.
LOOK = """
local function show_diagnostics(wanted)
  vim.wait(30000, function() return (#vim.diagnostic.get(0) > 0) == wanted end)
  for _, found in ipairs(vim.diagnostic.get(0)) do
    print(("%d:%d %s"):format(found.lnum + 1, found.col + 1, found.message))
  end
end
local function press(keys, line, column)
  vim.api.nvim_win_set_cursor(0, {line, column - 1})
  vim.api.nvim_feedkeys(keys, "mx", false)
end
local function popup()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= "" then return window end
  end
end
local function hover(line, column)
  press("K", line, column)
  vim.wait(30000, function() return popup() ~= nil end)
  local window = popup()
  if not window then return print("hover: nothing") end
  print("hover: " .. table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, true), " "))
  vim.api.nvim_win_close(window, true)
end

show_diagnostics(true)
local right = {}
for line in io.lines("good.mlir") do table.insert(right, line) end
vim.api.nvim_buf_set_lines(0, 0, -1, true, right)
show_diagnostics(false)
if #vim.diagnostic.get(0) == 0 then print("no errors left") end
hover(3, 12)
hover(4, 11)
press("gd", 4, 11)
vim.wait(30000, function() return vim.api.nvim_win_get_cursor(0)[1] ~= 4 end)
local at = vim.api.nvim_win_get_cursor(0)
print(("definition: line %d, column %d"):format(at[1], at[2] + 1))
"""
WORDS = "argument 'weight': rank 3, expected 4 [out, in/groups, kh, kw] [NNFC-E0207]"


def language_server(build, folder):
    """Errors while typing, hovering, definition, references, completion; and every phase of a model is its language."""
    with LanguageServer([build / "bin/nnf-lsp-server"]) as server:
        wrong = server.open("file:///bad.mlir", BAD)
        expect(wrong[:1] == [(3, 8, WORDS)], f"diagnostics of a wrong weight: {wrong}")
        unknown = server.open("file:///unknown.mlir", GOOD.replace("conv2d", "conv2"))
        expect(unknown == [(3, 8, "custom op 'nnf.conv2' is unknown")], f"diagnostics of an unknown function: {unknown}")
        expect(server.open("file:///good.mlir", GOOD) == [], "a right graph has diagnostics")

        hover = server.at("hover", "file:///good.mlir", 3, 12)["contents"]["value"]
        expect("nnf.conv2d" in hover and "groups = 1" in hover, f"hovering over a function shows {hover!r}")
        hover = server.at("hover", "file:///good.mlir", 4, 11)["contents"]["value"]
        expect("tensor<?x4x6x6xf32, #nnf.dims<[N, 4, 6, 6]>>" in hover, f"hovering over a value shows {hover!r}")
        made = server.at("definition", "file:///good.mlir", 4, 11)
        expect([place["range"]["start"]["line"] + 1 for place in made] == [3], f"definition: {made}")
        read = server.at("references", "file:///good.mlir", 1, 18, context={"includeDeclaration": True})
        expect(sorted(place["range"]["start"]["line"] + 1 for place in read) == [1, 3], f"references: {read}")
        labels = {item["label"] for item in server.at("completion", "file:///good.mlir", 3, 20)["items"]}
        expect({"%x", "%w"} <= labels, f"completion offers {sorted(labels)[:5]}")

        for phase in ("input", "primitives", "groups", "tiles", "buffers", "code"):
            file = folder / f"{phase}.mlir"
            done = subprocess.run([build / "bin/nnfc", "compile", ROOT / "examples/digits/digits.onnx", "-o", file,
                                   f"--phase={phase}"], stderr=subprocess.PIPE, text=True, timeout=120)
            expect(done.returncode == 0, f"nnfc compile --phase={phase}: {done.stderr[-200:]}")
            wrong = server.open(f"file://{file}", file.read_text())
            expect(wrong == [], f"diagnostics after {phase}: {wrong[:2]}")
        expect(server.end() == 0, "the server does not end with status 0")


def neovim(build, folder):
    """The page's init.lua, in Neovim without a screen."""
    if not shutil.which("nvim"):
        return "no Neovim"
    page = (ROOT / "docs/editor.md").read_text()
    init = re.search(r"^```lua\n(.*?)^```$", page, re.MULTILINE | re.DOTALL).group(1)
    (folder / "init.lua").write_text(init.replace('"nnf-lsp-server"', f'"{build / "bin/nnf-lsp-server"}"'))
    (folder / "bad.mlir").write_text(BAD)
    (folder / "good.mlir").write_text(GOOD)
    (folder / "look.lua").write_text(LOOK)
    done = subprocess.run(["nvim", "--headless", "-u", "init.lua", "bad.mlir", "-c", "luafile look.lua", "-c", "qa!"],
                          cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=100, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"})
    for what, words in (("an error", f"3:8 {WORDS}"), ("the corrected graph", "no errors left"),
                        ("hovering over a function", 'hover: "nnf.conv2d"'), ("hovering over a function", "groups = 1"),
                        ("hovering over a value", "tensor<?x4x6x6xf32, #nnf.dims<[N, 4, 6, 6]>>"),
                        ("going to a definition", "definition: line 3, column 3")):
        expect(words in done.stdout.replace("`", ""), f"{what}: Neovim shows {done.stdout[-1500:]!r}, expected {words!r}")
    return None
