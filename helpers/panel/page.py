"""What widgets lack in the page: names that a screen reader speaks, and a word when nobody answers.

Plan: a few lines of JavaScript, run once where widgets are shown. Every slider, and every
group of buttons, gets the name that stands at its left (ipywidgets gives its handle none).
Where somebody clicks, types or moves something in a box with our class and its status is not
written anew, the kernel has not heard of it: it is busy with a cell, or was restarted. Then
the status says so. (A status carries a number that counts how often it was written.)

Left out: front ends that run no JavaScript; there the widgets work all the same.
"""

from __future__ import annotations

LIVE = "wire-live"  # the class of a box that holds one element with the role "status"
NO_ANSWER = (
    "The kernel has not answered yet. If a cell is running, this waits for its end. "
    "After a restart of the kernel, run this cell again."
)

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
  let asked = false;
  new MutationObserver(() => {
    if (!asked) { asked = true; setTimeout(() => { asked = false; name(); }, 100); }
  }).observe(document.body, {childList: true, subtree: true});
  name();
  const status = box => box.querySelector('[role=status], [role=alert]');
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
""".replace("LIVE", LIVE).replace("NO_ANSWER", NO_ANSWER)  # fmt: skip


def prepare() -> None:
    """Run the script in the page that shows the cell's output; once is enough."""
    from IPython.display import Javascript, display

    display(Javascript(SCRIPT))
