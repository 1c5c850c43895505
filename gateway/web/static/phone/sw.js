/** Lets the page open without a network. Nothing that the gateway answers to calls is ever kept. */

const CACHE = 'fieldpost-phone';
const PAGE = '/phone';
const PATIENCE_MS = 3_000;
const SHELL = new Set([
  PAGE,
  ...[
    'app.js',
    'codec.js',
    'gatt.js',
    'icon-192.png',
    'icon-512.png',
    'icon-maskable-512.png',
    'icon.svg',
    'manifest.webmanifest',
    'pairing.js',
    'phone.css',
    'places.js',
    'recorder.js',
    'recorders.js',
    'troubles.js',
    'tunnel.js',
    'view.js',
    'wake.js',
    'words.js',
  ].map((name) => `${PAGE}/${name}`),
]);

addEventListener('install', (event) => {
  skipWaiting();
  event.waitUntil(keepAll());
});

addEventListener('activate', (event) => event.waitUntil(clients.claim()));

addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const path = url.pathname === `${PAGE}/` ? PAGE : url.pathname;
  if (request.method !== 'GET' || url.origin !== location.origin || !SHELL.has(path)) return;
  event.respondWith(freshOrKept(request, path, event));
});

async function keepAll() {
  const cache = await caches.open(CACHE);
  await cache.addAll([...SHELL].map((path) => new Request(path, { cache: 'reload' })));
}

/** The gateway's, so that no page stays old; the kept one where there is no network. */
async function freshOrKept(request, path, event) {
  const cache = await caches.open(CACHE);
  const fresh = fetch(request).then((response) => {
    if (response.ok && !response.redirected) event.waitUntil(cache.put(path, response.clone()));
    return response;
  });
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const first = await Promise.race([fresh.catch(() => undefined), late]);
  return first ?? (await cache.match(path)) ?? fresh;
}
