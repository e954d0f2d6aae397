"use strict";
// "Try it" on the page of the REST API: asks and shows the answer in place.

// A page that shows megabytes of one answer stops responding.
const LONGEST = 60000;

for (const form of document.querySelectorAll("form.try")) {
  const place = form.parentElement.querySelector(".answer");

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const address = addressOf(form);
    // The attribute method of forms knows no DELETE.
    const method = form.dataset.method;
    const body = form.querySelector("[data-place=body]");
    show(place, `${method} ${address}`, "Waiting …");
    const start = performance.now();
    try {
      const headers = { Accept: "application/json" };
      if (body) headers["Content-Type"] = "application/json";
      // Whoever is logged in acts as themselves.
      const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
      if (token && method !== "GET") headers["X-CSRFToken"] = token[1];
      const response = await fetch(address, { method, headers, body: body?.value });
      const text = await response.text();
      const took = Math.round(performance.now() - start);
      show(place, `${method} ${address} → ${response.status} after ${took} ms`, pretty(text));
    } catch (error) {
      show(place, `${method} ${address}`, `The server did not answer: ${error.message}`);
    }
  });
}

function addressOf(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const field of form.elements) {
    if (!field.name || field.value === "") continue;
    if (field.dataset.place === "path") {
      path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    } else {
      query.set(field.name, field.value);
    }
  }
  return query.size ? `${path}?${query}` : path;
}

function pretty(text) {
  let readable = text;
  try {
    readable = JSON.stringify(JSON.parse(text), null, 2);
  } catch { /* not JSON: shown as it came */ }
  return readable.length > LONGEST
    ? `${readable.slice(0, LONGEST)}\n… ${readable.length - LONGEST} characters more` : readable;
}

function show(place, title, text) {
  const line = document.createElement("p");
  line.className = "mono small";
  line.textContent = title;
  const content = document.createElement("pre");
  content.tabIndex = 0;
  content.textContent = text;
  place.replaceChildren(line, content);
}
