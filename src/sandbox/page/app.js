'use strict';
// Everything from the portal is set as text, never as markup: titles are hostile.

const WORDS = {
  en: {
    title: 'Portal sandbox', board: 'Kanban of deals', funnel: 'Funnel', close: 'Close', other: 'Русский',
    stageOf: (id) => `Stage of deal ${id}`, answer: (status) => `answer ${status}`,
    notMoved: (id, why) => `Deal ${id} was not moved: ${why}`, notOpened: (id, why) => `Deal ${id} cannot be opened: ${why}`,
    gone: (why) => `The portal does not answer: ${why}`,
    newest: (count) => ` (the newest ${count} are shown)`,
    sum: (state, shown) => `Deals: ${state.total}${shown}, contacts: ${state.contacts}, companies: ${state.companies}`,
    goods: 'Goods', product: 'Product', price: 'Price', quantity: 'Quantity', vat: 'VAT, %', noVat: 'no VAT', noGoods: 'No goods',
    history: 'History of stages', when: 'When', stage: 'Stage', comments: 'Comments', todos: 'To do', fields: 'Fields',
    field: 'Field', value: 'Value',
  },
  ru: {
    title: 'Песочница портала', board: 'Канбан сделок', funnel: 'Воронка', close: 'Закрыть', other: 'English',
    stageOf: (id) => `Стадия сделки ${id}`, answer: (status) => `ответ ${status}`,
    notMoved: (id, why) => `Сделка ${id} не перемещена: ${why}`, notOpened: (id, why) => `Сделка ${id} не открывается: ${why}`,
    gone: (why) => `Портал не отвечает: ${why}`,
    newest: (count) => ` (показаны последние ${count})`,
    sum: (state, shown) => `Сделок: ${state.total}${shown}, контактов: ${state.contacts}, компаний: ${state.companies}`,
    goods: 'Товары', product: 'Товар', price: 'Цена', quantity: 'Кол-во', vat: 'НДС, %', noVat: 'без НДС', noGoods: 'Товаров нет',
    history: 'История стадий', when: 'Когда', stage: 'Стадия', comments: 'Комментарии', todos: 'Дела', fields: 'Поля',
    field: 'Поле', value: 'Значение',
  },
};
// As the address says, else as the browser does.
const query = new URLSearchParams(location.search);
const lang = WORDS[query.get('lang')] ? query.get('lang') : navigator.language.startsWith('ru') ? 'ru' : 'en';
const words = WORDS[lang];
document.documentElement.lang = lang;
document.title = words.title;
for (const node of document.querySelectorAll('[data-say]')) node.textContent = words[node.dataset.say];
for (const node of document.querySelectorAll('[data-label]')) node.setAttribute('aria-label', words[node.dataset.label]);

function address(name, value) {
  const changed = new URLSearchParams(location.search);
  changed.set(name, value);
  return `?${changed}`;
}

const language = document.getElementById('language');
language.lang = lang === 'ru' ? 'en' : 'ru';
language.href = address('lang', language.lang);

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
  const digits = value.toLocaleString(lang, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
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
  if (!answer.ok) throw new Error(words.answer(answer.status));
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
    complain(words.notMoved(id, error.message));
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
  choose.setAttribute('aria-label', words.stageOf(deal.id));
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
  const shown = state.total > state.deals.length ? words.newest(state.deals.length) : '';
  const text = words.sum(state, shown);
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
    complain(words.notOpened(id, error.message));
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
    element('h3', '', words.goods),
    all.rows.length ? table(
      [[words.product, ''], [words.price, 'number'], [words.quantity, 'number'], [words.vat, 'number']],
      all.rows.map((r) => [r.PRODUCT_NAME, money(r.PRICE, ''), `${r.QUANTITY} ${r.MEASURE_NAME}`, r.TAX_RATE ?? words.noVat]),
    ) : element('p', 'quiet', words.noGoods),
    element('h3', '', words.history),
    table([[words.when, ''], [words.stage, '']], all.history.map((h) =>
      [h.CREATED_TIME, names.get(`${h.CATEGORY_ID} ${h.STAGE_ID}`) || h.STAGE_ID])),
    ...(all.comments.length ? [element('h3', '', words.comments)] : []),
    ...all.comments.map((c) => element('p', '', c.COMMENT)),
    ...(all.todos.length ? [element('h3', '', words.todos)] : []),
    ...all.todos.map((t) => element('p', '', `${t.DEADLINE} ${t.SUBJECT || ''} ${t.DESCRIPTION || ''}`)),
    element('h3', '', words.fields),
    table([[words.field, ''], [words.value, '']], filled.map(([name, value]) =>
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
    complain(words.gone(error.message));
    trouble.dataset.lost = '1';
  }
}

async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, REFRESH_MS);
}

funnelSelect.addEventListener('change', () => {
  drawn = '';
  history.replaceState(null, '', address('funnel', funnelSelect.value));
  language.href = address('lang', language.lang);
  draw();
});
keepFresh();
