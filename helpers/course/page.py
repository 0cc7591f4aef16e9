"""What the page lacks: names for a screen reader, a word when nobody answers, figures in view.

Plan: a few lines of JavaScript, run where something is shown to somebody. Every slider, and every
group of buttons, gets the name that stands at its left (ipywidgets gives its handle none).
Where somebody clicks, types or moves something in a box with our class and its status is not
written anew, the kernel has not heard of it: it is busy with a cell, or was restarted. Then
the status says so. (A status carries a number that counts how often it was written.)
JupyterLab keeps the cell after the one just run where it is, so a figure above it may grow out
of sight at the top: it is brought back.

Left out: front ends that run no JavaScript; there the widgets work all the same.
"""

from __future__ import annotations

LIVE = "wire-live"  # the class of a box that holds one element with the role "status"
NO_ANSWER = (
    "The kernel has not answered yet. If a cell is running, this waits for its end. "
    "After a restart of the kernel, run this cell again."
)
RESTARTED = "The kernel was restarted and knows nothing of this any more: run this cell again."

SCRIPT = """
if (!window.wireLive) {
  window.wireLive = true;
  const name = () => {
    document.querySelectorAll('.LIVE .widget-slider').forEach(box => {
      const label = box.querySelector('.widget-label');
      box.querySelectorAll('[role=slider], .widget-readout').forEach(
        part => part.setAttribute('aria-label', label.title || label.textContent));
    });
    document.querySelectorAll('.LIVE .widget-radio').forEach(box => {
      box.setAttribute('role', 'radiogroup');
      box.setAttribute('aria-label', box.querySelector('.widget-label').title);
    });
  };
  const status = box => box.querySelector('[role=status], [role=alert]');
  const orphans = () => document.querySelectorAll('.LIVE.jupyter-widgets-disconnected').forEach(
    box => { if (status(box)) status(box).textContent = 'RESTARTED'; });
  let asked = false;
  new MutationObserver(() => {
    if (!asked) {
      asked = true;
      setTimeout(() => { asked = false; name(); orphans(); }, 100);
    }
  }).observe(document.body,
    {childList: true, subtree: true, attributes: true, attributeFilter: ['class']});
  name();
  const values = new WeakMap();
  const moved = handle => {
    const value = handle.getAttribute('aria-valuenow'), before = values.get(handle);
    values.set(handle, value);
    return before !== undefined && before !== value;
  };
  const listen = event => {
    const box = event.target.closest && event.target.closest('.LIVE');
    if (!box || !status(box)) return;
    const shown = status(box).outerHTML, handles = [...box.querySelectorAll('[role=slider]')];
    if (['pointerdown', 'keydown'].includes(event.type)) { handles.map(moved); return; }
    if (event.type === 'click' && !event.target.closest('button')) return;
    if (['pointerup', 'keyup'].includes(event.type) && !handles.map(moved).some(Boolean)) return;
    setTimeout(() => {
      const now = status(box);
      if (now && now.outerHTML === shown) now.textContent = 'NO_ANSWER';
    }, 1500);
  };
  for (const kind of ['pointerdown', 'keydown', 'pointerup', 'keyup', 'click', 'input'])
    document.addEventListener(kind, listen, true);
}
"""
for _word, _text in (("LIVE", LIVE), ("NO_ANSWER", NO_ANSWER), ("RESTARTED", RESTARTED)):
    SCRIPT = SCRIPT.replace(_word, _text)


IN_VIEW = """
setTimeout(() => {
  const cell = element.closest('.jp-Cell'), next = cell && cell.nextElementSibling;
  const pane = cell && cell.closest('.jp-WindowedPanel-outer');
  const picture = cell && cell.querySelector('.jp-OutputArea img');
  if (!pane || !picture || !next || !next.classList.contains('jp-mod-active')) return;
  const [top, bottom] = [picture.getBoundingClientRect().top, pane.getBoundingClientRect().top];
  if (top < bottom) pane.scrollTop -= bottom - top + 40;
}, 300);
"""


def prepare() -> None:
    """Run the script in the page that shows the cell's output; once is enough."""
    _run(SCRIPT)


def bring_into_view() -> None:
    """Scroll the first picture of this cell into view, if the next cell is the active one."""
    _run(IN_VIEW)


def _run(script: str) -> None:
    from IPython.display import display

    display({"application/javascript": script, "text/plain": ""}, raw=True)
