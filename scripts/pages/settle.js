// Run in a page before it is looked at: it loads what would be loaded later, and gives what is another
// each time a look that stays. It comes to the addresses of what could not be loaded.
(async () => {
  const texts = [
    [/\b\d{6}-[A-Z2-7]{8}\b/g, "401120-ABCDEFGH"], // an order's number
    [/\b([PR])\d{12}[A-Z2-7]{16}\b/g, "$1401120040000ABCDEFGHIJKLMNOP"], // a payment's or refund's
    [/\b\d{16,}\b/g, "20401120040000000001"], // a gateway's
    [/127\.0\.0\.1:\d+/g, "127.0.0.1:8080"],
    [/\b[a-z2-7]{32}\b/g, "abcdefghijklmnopqrstuvwxyz234567"], // a token
    [/\b([a-z2-7]{4}-){5}[a-z2-7]{4}\b/g, "abcd-efgh-ijkl-mnop-qrst-uvwx"], // a recovery code
    [/\b([A-Z2-7]{4} ){7,}/g, "ABCD EFGH IJKL MNOP QRST UVWX YZ23 4567"], // a second factor's secret
    [/\b\d+ (minute|s)s?\b/g, (_, unit) => "2 " + (unit === "s" ? unit : "minutes")],
    [/\d+( ?)(分|秒)/g, "2$1$2"],
    [/\b12:(\d)\d(:\d\d)?\b/g, (_, ten, seconds) => "12:" + ten + "0" + (seconds ? ":00" : "")],
  ];
  const still = (text) => texts.reduce((text, [pattern, by]) => text.replace(pattern, by), text);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const now = still(walker.currentNode.data);
    if (now !== walker.currentNode.data) walker.currentNode.data = now;
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]):not([type=file])")) {
    field.value = still(field.value);
  }
  for (const counted of document.querySelectorAll(".gateway .num")) counted.textContent = "24";
  // What happened within one second stands in the one order or the other.
  for (const list of document.querySelectorAll(".timeline")) {
    const said = (item) => item.querySelector("p").textContent;
    list.append(...[...list.children].sort((a, b) => said(a) < said(b) ? -1 : 1));
  }
  // A script of the page counts down in the element that it knows; nobody changes its copy.
  for (const left of document.querySelectorAll("[data-expires]")) {
    const copy = left.cloneNode(true);
    copy.textContent = "14:30";
    copy.removeAttribute("data-expires");
    left.replaceWith(copy);
  }
  const images = [...document.images];
  for (const image of images) image.loading = "eager";
  await Promise.allSettled(images.map((image) => image.decode()));
  const missing = images.filter((image) => image.complete && image.naturalWidth === 0).map((image) => image.src);
  for (const code of document.querySelectorAll("img.code, img.totp-code")) {
    code.src = "data:image/svg+xml," + encodeURIComponent(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path fill="#fff" d="M0 0h9v9H0z"/>' +
      '<path d="M1 1h2v2H1zM6 1h2v2H6zM1 6h2v2H1zM4 4h1v1H4zM6 5h1v1H6zM5 7h1v1H5z"/></svg>');
    await code.decode();
  }
  for (const part of performance.getEntriesByType("resource")) {
    if (part.responseStatus >= 400) missing.push(part.name);
  }
  await document.fonts.ready;
  return missing;
})()
