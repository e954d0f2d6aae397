// Console of the JSON-RPC browser: posts the call and shows what goes over the wire.
"use strict";

(() => {
  const form = document.getElementById("rpc-console");
  const method = document.getElementById("rpc-method");
  const params = document.getElementById("rpc-params");
  const signature = document.getElementById("rpc-signature");
  const request = document.getElementById("rpc-request");
  const answer = document.getElementById("rpc-answer");
  const time = document.getElementById("rpc-time");
  // A page that shows megabytes of one answer stops responding.
  const LONGEST = 100000;

  function showSignature() {
    const parameters = method.selectedOptions[0].dataset.parameters;
    signature.textContent = parameters ? `${method.value}(${parameters})` : "no parameters";
    params.value = parameters.split(", ").filter(p => p && !p.includes("=")).length
      ? JSON.stringify(parameters.split(", ").filter(p => !p.includes("=")).map(() => ""))
      : "[]";
  }

  function show(text) {
    answer.textContent = text.length > LONGEST
      ? `${text.slice(0, LONGEST)}\n… ${text.length - LONGEST} characters more` : text;
  }

  async function call(event) {
    event.preventDefault();
    let values;
    try {
      values = JSON.parse(params.value || "[]");
    } catch (error) {
      show(`The parameters are not JSON: ${error.message}`);
      params.focus();
      return;
    }
    const body = { jsonrpc: "1.0", method: method.value, params: values, id: 1 };
    request.textContent = JSON.stringify(body, null, 2);
    show("Waiting …");
    const start = performance.now();
    try {
      const response = await fetch(form.dataset.endpoint, {
        method: "POST", body: JSON.stringify(body),
      });
      const text = await response.text();
      time.textContent = `after ${Math.round(performance.now() - start)} ms`;
      show(JSON.stringify(JSON.parse(text), null, 2));
    } catch (error) {
      show(`The server did not answer: ${error.message}`);
    }
  }

  method.addEventListener("change", showSignature);
  form.addEventListener("submit", call);
  showSignature();
})();
