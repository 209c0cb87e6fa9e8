"""What a person does in JupyterLab, as functions: open a notebook, run it, type, look."""

import re

from conftest import TOKEN


class Notebook:
    """A notebook open in JupyterLab, seen through a browser page."""

    def __init__(self, page, lab, name):
        self.page = page
        page.goto(f"{lab.url}/lab/tree/{name}?token={TOKEN}&reset")
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.panel.locator(".jp-Notebook").wait_for(timeout=60_000)
        page.locator("#jp-main-statusbar", has_text=re.compile(r"Saddlepoint.* \| Idle")).wait_for()

    def wait_until_idle(self, timeout_s=60):
        """Waits until the kernel has nothing to do."""
        indicator = self.panel.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        indicator.wait_for(timeout=timeout_s * 1000)

    def menu(self, bar, *names):
        """Chooses from the menu bar: `menu("Run", "Run All Cells")`."""
        self.page.locator(".lm-MenuBar-itemLabel").get_by_text(bar, exact=True).click()
        for name in names:
            self.page.locator(".lm-Menu-itemLabel").get_by_text(name, exact=True).last.click()

    def save(self):
        """Saves the notebook and waits until the file has it; the notebook must have changed."""
        # JupyterLab marks the tab, which is not in the notebook's panel.
        changed = self.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.lm-mod-current.jp-mod-dirty")
        changed.wait_for()
        self.menu("File", "Save Notebook")
        changed.wait_for(state="detached")

    def kernel_name(self):
        return self.panel.locator(".jp-KernelName").first.inner_text()

    def errors(self):
        return self.panel.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()

    def run_all(self, timeout_s):
        """Runs every cell; what was on the page meanwhile: a list of what each running cell showed, one entry a change."""
        self.page.evaluate(RECORD)
        self.menu("Run", "Run All Cells")
        # "busy" first: right after the click the kernel has not begun yet.
        self.panel.locator(".jp-Notebook-ExecutionIndicator[data-status=busy]").wait_for()
        self.page.wait_for_function(ALL_RAN, timeout=timeout_s * 1000)
        self.wait_until_idle()
        return self.page.evaluate("window.saddleSeen")

    def add_cell(self, code):
        """Adds a cell with `code` below the last one and leaves the cursor at its end; gives back the cell that the cursor is in.

        On a slow machine the page may not have put the notebook's last cells in place yet: then the cell stands above them.
        """
        self.panel.locator(".jp-Cell").last.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(code)
        return self.panel.locator(".jp-Cell.jp-mod-active")

    def run_cell(self):
        self.page.keyboard.press("Control+Enter")

    def output_of(self, cell, text, timeout_s=30):
        cell.locator(".jp-OutputArea-output", has_text=text).first.wait_for(timeout=timeout_s * 1000)

    def theme(self, name):
        self.menu("Settings", "Theme", name)
        light = "false" if name.endswith("Dark") else "true"
        self.page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")
        # A curtain with moons hides the page while the theme loads.
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")


# Remembers, for each cell that is running (its prompt is `[*]:`), the pictures and texts of its outputs whenever they change.
RECORD = """() => {
  window.saddleSeen = [];
  const last = new Map();
  const look = () => {
    document.querySelectorAll('.jp-CodeCell').forEach((cell, index) => {
      const prompt = cell.querySelector('.jp-InputPrompt');
      if (!prompt || !prompt.textContent.includes('*')) return;
      const pictures = [...cell.querySelectorAll('.jp-OutputArea img')].map(img => img.src.length + ':' + img.src.slice(-64));
      const text = cell.querySelector('.jp-OutputArea')?.innerText ?? '';
      const now = JSON.stringify([pictures, text]);
      if (last.get(index) === now) return;
      last.set(index, now);
      window.saddleSeen.push({cell: index, at: performance.now(), pictures, text});
    });
    requestAnimationFrame(look);
  };
  look();
}"""

# Every code cell has been run: its prompt shows a number.
ALL_RAN = """() => [...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell .jp-InputPrompt')]
  .every(prompt => /\\[\\d+\\]/.test(prompt.textContent))"""
