// The table of items: filter, search, sort and paging. Without this script the table stands there in full.
(() => {
  'use strict';
  const PAGE = 200;
  const table = document.getElementById('item-table');

  // Paper has nothing to click on.
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('details:not([open])')];
    opened.forEach((details) => { details.open = true; });
  });
  addEventListener('afterprint', () => opened.forEach((details) => { details.open = false; }));
  if (!table) return;

  const controls = document.getElementById('controls');
  const outcome = document.getElementById('outcome');
  const search = document.getElementById('search');
  const status = document.getElementById('status');
  const back = document.getElementById('back');
  const next = document.getElementById('next');
  const heads = [...table.tHead.rows[0].cells];
  const columns = heads.map((head) => head.textContent.trim().toLowerCase());
  const rows = [...table.tBodies].map((body, at) => ({
    body, at, outcome: body.className, text: body.textContent.toLowerCase(),
  }));
  const order = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
  const start = { outcome: '', q: '', sort: '', dir: '', page: 1 };
  let state = { ...start };
  let sorted = '';

  const key = (row, column) => (row.body.rows[0].cells[column]?.textContent ?? '').trim();

  const sort = () => {
    const wanted = state.sort + state.dir;
    if (wanted === sorted) return;
    sorted = wanted;
    const column = columns.indexOf(state.sort);
    const sign = state.dir === 'desc' ? -1 : 1;
    if (column > 0) {
      const keys = new Map(rows.map((row) => [row, key(row, column)]));
      // Rows that say nothing come last in either direction.
      rows.sort((a, b) => {
        const [x, y] = [keys.get(a), keys.get(b)];
        if (!x || !y) return (!x - !y) || a.at - b.at;
        return sign * order.compare(x, y) || a.at - b.at;
      });
    } else {
      rows.sort((a, b) => sign * (a.at - b.at));
    }
    const fragment = document.createDocumentFragment();
    rows.forEach((row) => fragment.append(row.body));
    table.append(fragment);
    heads.forEach((head, at) => {
      const here = column < 0 ? false : at === column;
      head.setAttribute('aria-sort', here ? (sign < 0 ? 'descending' : 'ascending') : 'none');
    });
  };

  const chosen = () => {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const outcomes = state.outcome ? state.outcome.split(',') : [];
    return rows.filter((row) => (!outcomes.length || outcomes.includes(row.outcome))
      && words.every((word) => row.text.includes(word)));
  };

  const show = () => {
    sort();
    const found = chosen();
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    state.page = Math.min(Math.max(1, state.page), pages);
    const from = (state.page - 1) * PAGE;
    const visible = new Set(found.slice(from, from + PAGE));
    rows.forEach((row) => row.body.classList.toggle('off', !visible.has(row)));
    outcome.value = state.outcome;
    if (document.activeElement !== search) search.value = state.q;
    const number = (value) => value.toLocaleString('en');
    status.textContent = found.length
      ? `Items ${number(from + 1)} to ${number(from + visible.size)} of ${number(found.length)}`
        + (found.length < rows.length ? `; ${number(rows.length)} in all` : '')
      : 'No item fits';
    back.disabled = state.page <= 1;
    next.disabled = state.page >= pages;
  };

  const write = () => {
    const words = new URLSearchParams();
    Object.entries(state).forEach(([name, value]) => {
      if (value && value !== start[name]) words.set(name, value);
    });
    // A page that is opened from a file may not be allowed to: the filter still holds, only the address does not tell.
    try { history.replaceState(null, '', '#' + (words.toString() || 'items')); } catch { /* as said */ }
  };

  const change = (part) => {
    state = { ...state, page: 1, ...part };
    show();
    write();
  };

  // `#outcome=possible&q=words` filters, `#i12` goes to an item wherever it is.
  const read = () => {
    const hash = location.hash.slice(1);
    const row = /^i\d+$/.test(hash) && rows.find((row) => row.body.id === hash);
    rows.forEach((other) => other.body.classList.toggle('at', other === row));
    if (row) {
      state = { ...start, sort: state.sort, dir: state.dir };
      sort();
      state.page = Math.floor(rows.indexOf(row) / PAGE) + 1;
      show();
      row.body.scrollIntoView({ block: 'center' });
      return;
    }
    const words = new URLSearchParams(hash);
    if (![...words.keys()].some((name) => name in start)) return;
    state = {
      outcome: words.get('outcome') ?? '', q: words.get('q') ?? '', sort: words.get('sort') ?? '',
      dir: words.get('dir') ?? '', page: Number.parseInt(words.get('page') ?? '1', 10) || 1,
    };
    search.value = state.q;
    show();
    document.getElementById('items').scrollIntoView();
  };

  heads.forEach((head, at) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    button.addEventListener('click', () => {
      const turn = state.sort === columns[at] && state.dir !== 'desc';
      change({ sort: columns[at], dir: turn ? 'desc' : '' });
    });
    // On paper the words stand by themselves: a heading that holds a button is not repeated on the next page.
    const words = document.createElement('span');
    words.className = 'paper';
    words.textContent = button.textContent;
    head.replaceChildren(button, words);
  });
  // Cells that count items become links to them.
  document.querySelectorAll('[data-q]').forEach((cell) => {
    const link = document.createElement('a');
    link.href = '#' + new URLSearchParams({ outcome: 'match', q: cell.dataset.q });
    link.append(...cell.childNodes);
    cell.append(link);
  });
  outcome.addEventListener('change', () => change({ outcome: outcome.value }));
  search.addEventListener('input', () => change({ q: search.value.trim() }));
  const turn = (by) => { state.page += by; show(); write(); document.getElementById('items').scrollIntoView(); };
  back.addEventListener('click', () => turn(-1));
  next.addEventListener('click', () => turn(1));
  document.getElementById('clear').addEventListener('click', () => { search.value = ''; change({ ...start }); });
  addEventListener('hashchange', read);
  controls.hidden = false;
  show();
  read();
})();
