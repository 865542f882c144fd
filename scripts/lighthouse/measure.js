// Starts a shop, buys something in it, and has Lighthouse look at its pages on the way.
//
//   node measure.js PROGRAM DATA [PAGE...]

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { launch } from 'chrome-launcher';
import lighthouse from 'lighthouse';

const runs = 3;
const enough = 95;
const categories = ['performance', 'accessibility', 'best-practices', 'seo'];

// The checkout and the order page ask search engines not to list them, on purpose. This one audit, which
// wants every page listed, is not held against them; all others are.
const unlisted = ['is-crawlable'];

const [program, data, ...wanted] = process.argv.slice(2);

async function main() {
  const url = await freeAddress();
  const shop = spawn(program, ['serve'], {
    cwd: '/', // where no config.yaml is: the built-in one counts
    env: { ...process.env, SAOMA_LISTEN: new URL(url).host, SAOMA_PUBLIC_URL: url, SAOMA_DATA_DIR: data, SAOMA_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const chrome = await launch({ chromeFlags: ['--headless=new', '--no-sandbox', '--disable-dev-shm-usage'] });
  try {
    await awaken(url);
    const buyer = new Buyer(url);
    const pages = await buyer.buy();
    let good = true;
    console.log(['page', ...categories].map((text, i) => (i ? text.padStart(16) : text.padEnd(12))).join(''));
    for (const page of pages.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
      good = (await measure(page, buyer.cookie, chrome.port)) && good;
    }
    process.exitCode = good ? 0 : 1;
  } finally {
    chrome.kill();
    shop.kill();
  }
}

// measure prints the marks of a page, and what costs it any. It tells whether all are good enough.
async function measure({ name, url, skipAudits }, cookie, port) {
  const marks = Object.fromEntries(categories.map((category) => [category, []]));
  const faults = new Map();
  for (let run = 1; run <= runs; run++) {
    const { lhr, report } = await lighthouse(url, {
      port, output: 'html', logLevel: 'error', onlyCategories: categories, skipAudits,
      throttlingMethod: 'simulate', extraHeaders: { Cookie: cookie },
    });
    if (lhr.runtimeError) {
      throw new Error(`${name}: ${lhr.runtimeError.message}`);
    }
    for (const category of categories) {
      marks[category].push(lhr.categories[category].score * 100);
      for (const { id, weight } of lhr.categories[category].auditRefs) {
        const { score, title, displayValue = '' } = lhr.audits[id];
        if (weight > 0 && score !== null && score < 1) {
          faults.set(id, `${category}: ${title} ${displayValue}`);
        }
      }
    }
    if (process.env.REPORTS) {
      mkdirSync(process.env.REPORTS, { recursive: true });
      writeFileSync(join(process.env.REPORTS, `${name.replace(' ', '-')}-${run}.html`), report);
    }
  }
  const middle = categories.map((category) => Math.round(marks[category].sort((a, b) => a - b)[Math.floor(runs / 2)]));
  console.log(name.padEnd(12) + middle.map((mark) => String(mark).padStart(16)).join(''));
  for (const fault of faults.values()) {
    console.log('    ' + fault);
  }
  return middle.every((mark) => mark >= enough);
}

// Buyer keeps a session in the shop as a browser at a desktop does, up to an order that waits for its money.
class Buyer {
  cookie = '';

  constructor(url) {
    this.url = url;
  }

  // buy returns the pages that it came through.
  async buy() {
    const product = await this.get('/products/tea-set');
    await this.send('/cart/items', { ...hidden(product), quantity: '1' });
    const checkout = await this.get('/checkout');
    const order = await this.send('/checkout', {
      ...hidden(checkout), wallet: 'wechat', name: 'Ada Wong', email: 'ada@example.com', phone: '+852 5555 1234',
      country: 'Hong Kong', region: '', city: 'Hong Kong', postcode: '', address: '1 Queen’s Road Central', note: '',
    });
    // The cart is empty again, and the checkout needs one.
    await this.send('/cart/items', { ...hidden(product), _csrf: hidden(checkout)._csrf, quantity: '1' });
    return [
      { name: 'catalogue', url: this.url + '/' },
      { name: 'product', url: this.url + '/products/tea-set' },
      { name: 'checkout', url: this.url + '/checkout', skipAudits: unlisted },
      { name: 'order page', url: new URL(order, this.url).href, skipAudits: unlisted },
    ];
  }

  async get(path) {
    const response = await this.ask(path, {});
    if (response.status !== 200) {
      throw new Error(`${path} answers ${response.status}`);
    }
    return response.text();
  }

  // send returns where the shop leads after a form.
  async send(path, form) {
    const response = await this.ask(path, { method: 'POST', body: new URLSearchParams(form) });
    if (response.status !== 303) {
      throw new Error(`${path} answers ${response.status}: ${await response.text()}`);
    }
    return response.headers.get('location');
  }

  async ask(path, options) {
    const response = await fetch(this.url + path, {
      ...options, redirect: 'manual',
      headers: { cookie: this.cookie, origin: this.url, 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36' },
    });
    for (const set of response.headers.getSetCookie()) {
      this.cookie = set.split(';', 1)[0];
    }
    return response;
  }
}

// hidden returns the fields of a page's forms that nobody types.
function hidden(page) {
  const fields = page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g);
  return Object.fromEntries([...fields].map(([, name, value]) => [name, value]));
}

async function freeAddress() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://localhost:${port}`;
}

async function awaken(url) {
  for (let tries = 0; tries < 300; tries++) {
    if (await fetch(url + '/readyz').then((answer) => answer.ok, () => false)) {
      return;
    }
    await sleep(100);
  }
  throw new Error('the shop does not start');
}

await main();
