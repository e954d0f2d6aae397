/* The Upload Files panel: files go to the server in slices that resume after any cut
   (tus 1.0 at /api/v1/uploads/), three at a time, each slice with its sha1 where the
   browser can compute one. Without this script the panel is a plain form. */
"use strict";

(() => {
  const SLICE = 16 * 1024 * 1024;
  const WHOLE = 64 * 1024 * 1024;   // files up to this size are hashed as a whole before
  const AT_ONCE = 3;
  const WAITS = [1, 2, 4, 8, 15, 30];

  const token = () => (document.cookie.match(/(?:^|; )csrftoken=([^;]+)/) || [])[1] || "";
  const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const digest = (data) => crypto.subtle.digest("SHA-1", data);
  const hex = (buffer) =>
    [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));

  function human(size) {
    for (const unit of ["bytes", "kB", "MB", "GB"]) {
      if (size < 1000) return unit === "bytes" ? `${size} bytes` : `${size.toFixed(1)} ${unit}`;
      size /= 1000;
    }
    return `${size.toFixed(1)} TB`;
  }

  class Refused extends Error {
    constructor(status, text) { super(text); this.status = status; }
  }

  /* One request; progress of what it sends; errors that may pass have status 0 or 5xx. */
  function ask(method, address, { body = null, headers = {}, sent = null, keep = null } = {}) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, address);
      request.setRequestHeader("X-CSRFToken", token());
      request.setRequestHeader("Accept", "application/json");
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      if (sent) request.upload.onprogress = (event) => sent(event.loaded);
      request.onload = () => {
        if (request.status < 400) { resolve(request); return; }
        let text = `The server answered with ${request.status}.`;
        try { text = JSON.parse(request.responseText).detail || text; } catch { /* no JSON */ }
        reject(new Refused(request.status, text));
      };
      request.onerror = () => reject(new Refused(0, "The connection broke."));
      request.onabort = () => reject(new Refused(-1, "Paused."));
      if (keep) keep(request);
      request.send(body);
    });
  }

  class Transfer {
    constructor(panel, file) {
      this.panel = panel;
      this.file = file;
      this.fingerprint = `${file.size}-${file.lastModified}`;
      this.state = "waiting";
      this.build();
    }

    build() {
      const row = document.createElement("li");
      row.innerHTML = '<div class="transfer-row"><span class="file"></span>'
        + '<span class="muted small number" data-amount></span><span class="buttons">'
        + '<button type="button" class="quiet" data-pause>Pause</button>'
        + '<button type="button" class="quiet" data-stop>Cancel</button></span></div>'
        + '<progress max="1" value="0"></progress><p class="reason"></p>';
      row.querySelector(".file").textContent = this.file.name;
      this.bar = row.querySelector("progress");
      this.bar.max = Math.max(this.file.size, 1);
      this.bar.setAttribute("aria-label", `Upload of ${this.file.name}`);
      this.amount = row.querySelector("[data-amount]");
      this.reason = row.querySelector(".reason");
      this.pauseButton = row.querySelector("[data-pause]");
      this.stopButton = row.querySelector("[data-stop]");
      this.pauseButton.setAttribute("aria-label", `Pause the upload of ${this.file.name}`);
      this.stopButton.setAttribute("aria-label", `Cancel the upload of ${this.file.name}`);
      this.pauseButton.onclick = () => (this.state === "running" || this.state === "waiting"
        ? this.pauseNow() : this.again());
      this.stopButton.onclick = () => this.stop();
      this.row = row;
      this.show(0);
    }

    show(offset) {
      this.bar.value = offset;
      const rate = this.started && offset > this.from
        ? ` · ${human((offset - this.from) / ((performance.now() - this.started) / 1000))}/s` : "";
      this.amount.textContent = `${human(offset)} of ${human(this.file.size)}${rate}`;
    }

    label(text) {
      this.pauseButton.textContent = text;
      this.pauseButton.setAttribute("aria-label", `${text} the upload of ${this.file.name}`);
    }

    fail(error) {
      this.state = "failed";
      this.row.classList.add("failed");
      this.reason.textContent = error.message;
      this.label("Retry");
      this.panel.say(`${this.file.name} was not uploaded: ${error.message}`);
    }

    pauseNow() {
      this.state = "paused";
      this.label("Resume");
      if (this.request) this.request.abort();
      this.panel.next();
    }

    again() {
      this.state = "waiting";
      this.row.classList.remove("failed");
      this.reason.textContent = "";
      this.label("Pause");
      this.panel.next();
    }

    async stop() {
      this.state = "stopped";
      if (this.request) this.request.abort();
      this.panel.drop(this);
      if (this.address) await ask("DELETE", this.address).catch(() => {});
      this.panel.refresh();
    }

    async run() {
      this.state = "running";
      this.started = null;
      let failures = 0;
      while (this.state === "running") {
        try {
          await this.send(() => { failures = 0; });
          return;
        } catch (error) {
          if (this.state !== "running") return;
          const passing = error.status === 0 || error.status === 409 || error.status === 460
            || error.status === 423 || error.status === 429 || error.status >= 500;
          if (error.status === 404 || error.status === 410) this.address = null;
          const gone = error.status === 404 || error.status === 410;
          if ((!passing && !gone) || error.status === 507 || failures >= WAITS.length) {
            this.fail(error);
            return;
          }
          this.reason.textContent = `${error.message} Trying again …`;
          await pause(WAITS[failures]);
          failures += 1;
        }
      }
    }

    async begin() {
      const known = this.panel.unfinished(this.file, this.fingerprint);
      if (known) { this.address = `${this.panel.api}uploads/${known}`; return; }
      let sha1sum = "";
      if (window.crypto && crypto.subtle && this.file.size <= WHOLE) {
        this.reason.textContent = "Computing the checksum …";
        sha1sum = hex(await digest(await this.file.arrayBuffer()));
        this.reason.textContent = "";
      }
      const answer = await ask(
        "POST", `${this.panel.api}drafts/${encodeURIComponent(this.panel.draft)}/uploads`, {
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({
            name: this.file.name, size: this.file.size, sha1sum, fingerprint: this.fingerprint }),
        });
      this.address = `${this.panel.api}uploads/${JSON.parse(answer.responseText).id}`;
    }

    async send(moved) {
      if (!this.address) await this.begin();
      const state = JSON.parse((await ask("GET", this.address)).responseText);
      let offset = state.offset;
      this.from = offset;
      this.started = performance.now();
      this.show(offset);
      while (!state.complete && offset < this.file.size) {
        if (this.state !== "running") return;
        const slice = this.file.slice(offset, offset + SLICE);
        const headers = {
          "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) };
        if (window.crypto && crypto.subtle) {
          headers["Upload-Checksum"] = `sha1 ${base64(await digest(await slice.arrayBuffer()))}`;
        }
        if (this.state !== "running") return;
        const base = offset;
        const answer = await ask("PATCH", this.address, {
          body: slice, headers, sent: (loaded) => this.show(Math.min(base + loaded, this.file.size)),
          keep: (request) => { this.request = request; } });
        offset = Number(answer.getResponseHeader("Upload-Offset"));
        this.reason.textContent = "";
        moved();
        this.show(offset);
      }
      this.state = "done";
      this.panel.finished(this);
    }
  }

  class Panel {
    constructor(element) {
      this.element = element;
      this.draft = element.dataset.draft;
      this.api = element.dataset.api.replace(/openapi\.json$/, "");
      this.list = element.querySelector("[data-list]");
      this.said = element.querySelector("[data-said]");
      this.rows = element.querySelector("[data-transfers]");
      this.transfers = [];
      this.form = element.querySelector("[data-drop]");
      this.prepare();
    }

    prepare() {
      const input = this.form.querySelector('input[type="file"]');
      this.form.classList.add("scripted");
      this.form.querySelector(".with-script").hidden = false;
      this.form.querySelector(".without-script").hidden = true;
      input.addEventListener("change", () => {
        this.add([...input.files]);
        input.value = "";
      });
      this.form.addEventListener("submit", (event) => event.preventDefault());
      for (const kind of ["dragenter", "dragover"]) {
        this.element.addEventListener(kind, (event) => {
          if (![...event.dataTransfer.types].includes("Files")) return;
          event.preventDefault();
          this.form.classList.add("over");
        });
      }
      this.element.addEventListener("dragleave", (event) => {
        if (!this.element.contains(event.relatedTarget)) this.form.classList.remove("over");
      });
      this.element.addEventListener("drop", (event) => {
        event.preventDefault();
        this.form.classList.remove("over");
        this.add([...event.dataTransfer.files]);
      });
      this.list.addEventListener("click", (event) => {
        const cancel = event.target.closest("[data-cancel]");
        if (!cancel) return;
        event.preventDefault();
        ask("DELETE", `${this.api}uploads/${cancel.dataset.cancel}`).catch(() => {})
          .then(() => this.refresh());
      });
      this.list.addEventListener("change", (event) => {
        const form = event.target.closest("[data-remove-form]");
        if (!form) return;
        const boxes = [...form.querySelectorAll('input[name="names"]')];
        const all = form.querySelector("[data-all]");
        if (event.target === all) boxes.forEach((box) => { box.checked = all.checked; });
        all.checked = boxes.every((box) => box.checked);
        all.indeterminate = !all.checked && boxes.some((box) => box.checked);
        this.arm();
      });
      window.addEventListener("beforeunload", (event) => {
        if (this.transfers.some((each) => each.state === "running")) event.preventDefault();
      });
      this.arm();
    }

    arm() {
      const form = this.list.querySelector("[data-remove-form]");
      if (!form) return;
      form.querySelector("[data-all]").hidden = false;
      const number = form.querySelectorAll('input[name="names"]:checked').length;
      const button = form.querySelector("button.danger");
      button.disabled = number === 0;
      button.textContent = number ? `Delete ${number} selected` : "Delete selected";
    }

    say(text) { this.said.textContent = text; }

    add(files) {
      for (const file of files) {
        const running = this.transfers.find((each) => each.file.name === file.name);
        if (running) this.drop(running);
        const transfer = new Transfer(this, file);
        this.transfers.push(transfer);
        this.rows.append(transfer.row);
      }
      this.rows.hidden = this.transfers.length === 0;
      this.next();
    }

    /* The upload on the server that the same file was on before the page was left. */
    unfinished(file, fingerprint) {
      const row = [...this.list.querySelectorAll("[data-unfinished]")].find((each) =>
        each.dataset.name === file.name && Number(each.dataset.size) === file.size
        && each.dataset.fingerprint === fingerprint);
      if (!row) return null;
      row.remove();
      return row.dataset.unfinished;
    }

    next() {
      const running = this.transfers.filter((each) => each.state === "running").length;
      const waiting = this.transfers.filter((each) => each.state === "waiting");
      for (const each of waiting.slice(0, Math.max(AT_ONCE - running, 0))) {
        each.run().then(() => this.next());
      }
    }

    drop(transfer) {
      if (transfer.state === "running") {
        transfer.state = "stopped";
        if (transfer.request) transfer.request.abort();
      }
      transfer.row.remove();
      this.transfers = this.transfers.filter((each) => each !== transfer);
      this.rows.hidden = this.transfers.length === 0;
    }

    async finished(transfer) {
      this.drop(transfer);
      this.say(`${transfer.file.name} is uploaded.`);
      await this.refresh();
    }

    async refresh() {
      const answer = await fetch(this.element.dataset.files, {
        credentials: "same-origin", headers: { "X-Page": location.pathname + location.search } });
      if (!answer.ok || answer.redirected) return;
      const ticked = new Set([...this.list.querySelectorAll('input[name="names"]:checked')]
        .map((box) => box.value));
      this.list.innerHTML = await answer.text();
      for (const box of this.list.querySelectorAll('input[name="names"]')) {
        box.checked = ticked.has(box.value);
      }
      // What is on its way in this page is shown by its own row.
      const mine = new Set(this.transfers.map((each) => (each.address || "").split("/").pop()));
      for (const row of this.list.querySelectorAll("[data-unfinished]")) {
        if (mine.has(row.dataset.unfinished)) row.remove();
      }
      this.arm();
      this.element.dispatchEvent(new CustomEvent("uploads:changed", { bubbles: true }));
    }
  }

  document.querySelectorAll("[data-uploads]").forEach((element) => new Panel(element));
})();
