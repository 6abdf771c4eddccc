'use strict';
// Everything from the portal is set as text, never as markup: titles are hostile.

const board = document.getElementById('board');
const funnelSelect = document.getElementById('funnel');
const summary = document.getElementById('summary');
const trouble = document.getElementById('trouble');
const details = document.getElementById('details');
const REFRESH_MS = 2000;
let state = { funnels: [], deals: [] };
let drawn = '';
let dragged = null;

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
}

function money(sum, currency) {
  const value = Number(sum);
  if (!Number.isFinite(value)) return `${sum} ${currency}`;
  const digits = value.toLocaleString('ru-RU', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return `${digits} ${currency}`;
}

function complain(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error(`ответ ${answer.status}`);
  return answer.json();
}

function currentFunnel() {
  return state.funnels.find((f) => String(f.id) === funnelSelect.value) || state.funnels[0];
}

function drawFunnels() {
  const wanted = state.funnels.map((f) => `${f.id} ${f.name}`).join('|');
  if (funnelSelect.dataset.drawn === wanted) return;
  const chosen = funnelSelect.value || new URLSearchParams(location.search).get('funnel');
  funnelSelect.replaceChildren(...state.funnels.map((f) => {
    const option = element('option', '', f.name);
    option.value = f.id;
    return option;
  }));
  if (state.funnels.some((f) => String(f.id) === chosen)) funnelSelect.value = chosen;
  funnelSelect.dataset.drawn = wanted;
}

async function move(id, stage) {
  try {
    await ask(`/sandbox/deals/${id}/move`, { stage });
    complain('');
  } catch (error) {
    complain(`Сделка ${id} не перемещена: ${error.message}`);
  }
  drawn = '';
  await refresh();
}

function card(deal, stages) {
  const item = element('li', 'card');
  item.draggable = true;
  item.dataset.id = deal.id;
  const open = element('button', 'open', deal.title);
  open.type = 'button';
  open.addEventListener('click', () => show(deal.id));
  const choose = element('select');
  choose.setAttribute('aria-label', `Стадия сделки ${deal.id}`);
  choose.replaceChildren(...stages.map((stage) => {
    const option = element('option', '', stage.name);
    option.value = stage.id;
    option.selected = stage.id === deal.stage;
    return option;
  }));
  // With the keyboard the arrows only choose; Enter or leaving the list moves the deal, so that none is dragged
  // through every stage on the way.
  let keyed = false;
  let sent = false;
  const settle = () => {
    if (sent || choose.value === deal.stage) return;
    sent = true;
    move(deal.id, choose.value);
  };
  choose.addEventListener('pointerdown', () => { keyed = false; });
  choose.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') settle();
    else keyed = true;
  });
  choose.addEventListener('change', () => { if (!keyed) settle(); });
  choose.addEventListener('blur', settle);
  item.append(open, element('p', 'money', money(deal.sum, deal.currency)));
  if (deal.contact) item.append(element('p', '', deal.contact));
  item.append(element('p', 'quiet', deal.origin ? `№ ${deal.id} · ${deal.origin}` : `№ ${deal.id}`), choose);
  item.addEventListener('dragstart', (event) => {
    dragged = deal.id;
    event.dataTransfer.effectAllowed = 'move';
    event.dataTransfer.setData('text/plain', String(deal.id));
    item.classList.add('held');
  });
  item.addEventListener('dragend', () => {
    dragged = null;
    item.classList.remove('held');
  });
  return item;
}

function column(stage, deals, stages) {
  const section = element('section', `stage ${stage.semantics}`);
  section.setAttribute('aria-label', stage.name);
  const list = element('ul');
  list.dataset.stage = stage.id;
  list.append(...deals.map((deal) => card(deal, stages)));
  const sums = new Map();
  for (const deal of deals) sums.set(deal.currency, (sums.get(deal.currency) || 0) + Number(deal.sum));
  const total = [...sums].map(([currency, sum]) => money(sum, currency)).join(', ');
  section.append(element('h2', '', stage.name));
  section.append(element('p', 'sum', total ? `${deals.length} · ${total}` : String(deals.length)), list);
  section.addEventListener('dragover', (event) => {
    if (dragged === null) return;
    event.preventDefault();
    section.classList.add('over');
  });
  section.addEventListener('dragleave', (event) => {
    if (!section.contains(event.relatedTarget)) section.classList.remove('over');
  });
  section.addEventListener('drop', (event) => {
    event.preventDefault();
    section.classList.remove('over');
    if (dragged !== null) move(dragged, stage.id);
  });
  return section;
}

function draw() {
  drawFunnels();
  const funnel = currentFunnel();
  if (!funnel) return;
  const deals = state.deals.filter((deal) => deal.category === funnel.id);
  const picture = JSON.stringify([funnel, deals]);
  const choosing = document.activeElement && board.contains(document.activeElement)
    && document.activeElement.tagName === 'SELECT';
  if (picture === drawn || dragged !== null || (choosing && drawn)) return;
  drawn = picture;
  const left = board.scrollLeft;
  const tops = new Map([...board.querySelectorAll('ul')].map((ul) => [ul.dataset.stage, ul.scrollTop]));
  const held = document.activeElement?.closest?.('.card')?.dataset.id;
  board.replaceChildren(...funnel.stages.map((stage) =>
    column(stage, deals.filter((deal) => deal.stage === stage.id), funnel.stages)));
  board.scrollLeft = left;
  for (const ul of board.querySelectorAll('ul')) ul.scrollTop = tops.get(ul.dataset.stage) || 0;
  if (held) board.querySelector(`.card[data-id="${Number(held)}"] .open`)?.focus();
  const shown = state.total > state.deals.length ? ` (показаны последние ${state.deals.length})` : '';
  const text = `Сделок: ${state.total}${shown}, контактов: ${state.contacts}, компаний: ${state.companies}`;
  if (summary.textContent !== text) summary.textContent = text;
}

function table(heads, rows) {
  const scroll = element('div', 'scroll');
  const node = element('table');
  const head = element('tr');
  head.append(...heads.map(([name, kind]) => element('th', kind, name)));
  const body = rows.map((row) => {
    const line = element('tr');
    line.append(...row.map((cell, at) => element('td', heads[at][1], cell)));
    return line;
  });
  node.append(head, ...body);
  scroll.append(node);
  return scroll;
}

async function show(id) {
  let all;
  try {
    all = await ask(`/sandbox/deals/${id}`);
  } catch (error) {
    complain(`Сделка ${id} не открывается: ${error.message}`);
    return;
  }
  const names = new Map(state.funnels.flatMap((f) => f.stages.map((s) => [`${f.id} ${s.id}`, s.name])));
  const body = document.getElementById('details-body');
  document.getElementById('details-title').textContent = all.deal.TITLE;
  const filled = Object.entries(all.deal).filter(([, value]) => value !== null && value !== '' && value !== false);
  const phones = (contact) => [...(contact.PHONE || []), ...(contact.EMAIL || [])].map((f) => f.VALUE).join(', ');
  body.replaceChildren(
    element('p', 'quiet', `№ ${all.deal.ID} · ${money(all.deal.OPPORTUNITY, all.deal.CURRENCY_ID)}`),
    ...all.contacts.map((c) => element('p', '', `${[c.NAME, c.LAST_NAME].filter(Boolean).join(' ')} ${phones(c)}`)),
    element('h3', '', 'Товары'),
    all.rows.length ? table(
      [['Товар', ''], ['Цена', 'number'], ['Кол-во', 'number'], ['НДС, %', 'number']],
      all.rows.map((r) => [r.PRODUCT_NAME, money(r.PRICE, ''), `${r.QUANTITY} ${r.MEASURE_NAME}`, r.TAX_RATE ?? 'без НДС']),
    ) : element('p', 'quiet', 'Товаров нет'),
    element('h3', '', 'История стадий'),
    table([['Когда', ''], ['Стадия', '']], all.history.map((h) =>
      [h.CREATED_TIME, names.get(`${h.CATEGORY_ID} ${h.STAGE_ID}`) || h.STAGE_ID])),
    ...(all.comments.length ? [element('h3', '', 'Комментарии')] : []),
    ...all.comments.map((c) => element('p', '', c.COMMENT)),
    ...(all.todos.length ? [element('h3', '', 'Дела')] : []),
    ...all.todos.map((t) => element('p', '', `${t.DEADLINE} ${t.SUBJECT || ''} ${t.DESCRIPTION || ''}`)),
    element('h3', '', 'Поля'),
    table([['Поле', ''], ['Значение', '']], filled.map(([name, value]) =>
      [name, typeof value === 'object' ? JSON.stringify(value) : String(value)])),
  );
  if (!details.open) details.showModal();
}

async function refresh() {
  try {
    state = await ask('/sandbox/state');
    if (trouble.dataset.lost) {
      complain('');
      delete trouble.dataset.lost;
    }
    draw();
  } catch (error) {
    complain(`Портал не отвечает: ${error.message}`);
    trouble.dataset.lost = '1';
  }
}

async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, REFRESH_MS);
}

funnelSelect.addEventListener('change', () => {
  drawn = '';
  history.replaceState(null, '', `?funnel=${encodeURIComponent(funnelSelect.value)}`);
  draw();
});
keepFresh();
