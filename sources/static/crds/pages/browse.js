"use strict";
// An address such as /browse/hst_0500.pmap#lineage opens that part.

function openNamed() {
  const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (part instanceof HTMLDetailsElement) part.open = true;
}

addEventListener("hashchange", openNamed);
openNamed();
