/** Makes the buttons of a tab list show their panels, by mouse and by arrow keys. */
export function makeTabs(list: HTMLElement): void {
  const tabs = [...list.querySelectorAll<HTMLElement>('[role=tab]')];
  const select = (chosen: HTMLElement) => {
    for (const tab of tabs) {
      const on = tab === chosen;
      tab.setAttribute('aria-selected', String(on));
      tab.tabIndex = on ? 0 : -1;
      document.getElementById(tab.getAttribute('aria-controls')!)!.hidden = !on;
    }
  };
  for (const [i, tab] of tabs.entries()) {
    tab.addEventListener('click', () => select(tab));
    tab.addEventListener('keydown', ({key}) => {
      const by = {ArrowRight: 1, ArrowLeft: -1}[key];
      if (!by) return;
      const next = tabs[(i + by + tabs.length) % tabs.length];
      select(next);
      next.focus();
    });
  }
}
