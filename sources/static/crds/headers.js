"use strict";
// Reads the headers of FITS, ASDF and JSON files in the browser, never their data.
//
// crdsHeaders.read(file) gives {format, text, extensions, read}: the headers as the text that the
// server takes, the names of the extensions of a FITS file, and how many bytes were looked at.
// It throws an Error with a message for people where a file has no header that can be read.

const crdsHeaders = (() => {
  const BLOCK = 2880;
  const CARD = 80;
  // Header bytes read at once: most headers fit into one piece.
  const PIECE = 10 * BLOCK;
  const MAX_HEADER = 4 * 1024 * 1024;
  const MAX_YAML = 1024 * 1024;
  const MAX_OTHER = 8 * 1024 * 1024;
  const MAX_UNITS = 2000;

  // ---- where bytes come from -------------------------------------------------

  // A file at hand: any piece of it can be had without reading what is before.
  class Pieces {
    constructor(file) {
      this.file = file;
      this.size = file.size;
      this.read = 0;
    }

    async at(offset, length) {
      const piece = await this.file.slice(offset, offset + length).arrayBuffer();
      this.read += piece.byteLength;
      return new Uint8Array(piece);
    }
  }

  // A compressed file: unpacked as far as needed, forward only; what was passed is dropped.
  class Unpacked {
    constructor(file) {
      this.reader = file.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
      this.size = Infinity;
      this.read = 0;
      this.start = 0;
      this.kept = new Uint8Array(0);
    }

    async at(offset, length) {
      while (this.start + this.kept.length < offset + length) {
        const { done, value } = await this.reader.read();
        if (done) {
          this.size = this.start + this.kept.length;
          break;
        }
        this.read += value.length;
        this._keep(offset, value);
      }
      return this.kept.slice(Math.max(0, offset - this.start), offset - this.start + length);
    }

    // Data that is hopped over is never gathered.
    _keep(offset, value) {
      if (this.start + this.kept.length + value.length <= offset) {
        this.start += this.kept.length + value.length;
        this.kept = new Uint8Array(0);
        return;
      }
      const drop = Math.max(0, Math.min(offset - this.start, this.kept.length));
      const joined = new Uint8Array(this.kept.length - drop + value.length);
      joined.set(this.kept.subarray(drop));
      joined.set(value, this.kept.length - drop);
      this.start += drop;
      this.kept = joined;
    }

    close() {
      this.reader.cancel().catch(() => {});
    }
  }

  // ---- FITS --------------------------------------------------------------------

  const latin = new TextDecoder("latin1");

  async function fits(source) {
    const units = [];
    let offset = 0;
    let length = 0;
    while (offset < source.size && units.length < MAX_UNITS) {
      const unit = await header(source, offset, units.length);
      if (!unit) break;
      units.push(unit.cards);
      length += unit.cards.length * CARD;
      if (length > MAX_HEADER) throw new Error("Its headers are larger than headers are.");
      offset = unit.end + dataSize(unit.cards);
    }
    return {
      format: "FITS",
      text: units.map(asText).join("\n"),
      extensions: units.map(label),
    };
  }

  // Cards of the header that begins at offset, and where its blocks end; null where there is none.
  async function header(source, offset, index) {
    const cards = [];
    let at = offset;
    for (;;) {
      const piece = await source.at(at, PIECE);
      const text = latin.decode(piece);
      if (at === offset && !/^(SIMPLE  =|XTENSION=)/.test(text)) {
        if (index === 0) throw new Error("It does not begin like a FITS file.");
        return null;
      }
      for (let place = 0; place + CARD <= text.length; place += CARD) {
        const card = text.slice(place, place + CARD);
        if (card.trimEnd() === "END") {
          const used = at - offset + place + CARD;
          return { cards, end: offset + Math.ceil(used / BLOCK) * BLOCK };
        }
        cards.push(card);
      }
      at += PIECE;
      if (piece.length < PIECE) {
        // Cut in its header: what is there may suffice.
        if (index === 0 && cards.length === 0) throw new Error("Its header is cut off.");
        return { cards, end: Infinity };
      }
      if (at - offset > MAX_HEADER) throw new Error("A header of it has no end.");
    }
  }

  function valueOf(cards, keyword) {
    const name = keyword.padEnd(8);
    const card = cards.find((one) => one.startsWith(name) && one.slice(8, 10) === "= ");
    return card ? card.slice(10).split("/")[0].trim() : "";
  }

  function integer(cards, keyword, fallback) {
    const value = valueOf(cards, keyword);
    return /^[+-]?\d+$/.test(value) ? Number(value) : fallback;
  }

  // Bytes of data after a header, filled up to whole blocks.
  function dataSize(cards) {
    const count = Math.min(integer(cards, "NAXIS", 0), 999);
    const axes = [];
    for (let n = 1; n <= count; n += 1) axes.push(integer(cards, `NAXIS${n}`, 0));
    const groups = axes.length > 0 && axes[0] === 0 && valueOf(cards, "GROUPS") === "T";
    const elements = axes.length === 0
      ? 0 : (groups ? axes.slice(1) : axes).reduce((product, axis) => product * axis, 1);
    const bytes = (Math.abs(integer(cards, "BITPIX", 8)) / 8) * integer(cards, "GCOUNT", 1)
      * (integer(cards, "PCOUNT", 0) + elements);
    return Math.ceil(Math.max(bytes, 0) / BLOCK) * BLOCK;
  }

  // Cards that have a value, one a line: others no rule asks for.
  function asText(cards) {
    const kept = cards.filter((card) => /^((?!COMMENT |HISTORY )[\w-]{1,8} *= |HIERARCH .*=|CONTINUE  )/.test(card));
    return [...kept.map((card) => card.trimEnd()), "END"].join("\n");
  }

  function label(cards, index) {
    if (index === 0) return "0";
    const name = /^'([^']*)'/.exec(valueOf(cards, "EXTNAME"));
    return name && name[1].trim()
      ? `${name[1].trim()},${integer(cards, "EXTVER", 1)}` : String(index);
  }

  // ---- other formats --------------------------------------------------------------

  async function asdf(source) {
    let kept = "";
    for (let at = 0; at < MAX_YAML; at += 65536) {
      const piece = await source.at(at, 65536);
      // Bytes for now: a character may lie across two pieces.
      kept += latin.decode(piece);
      const end = /\n\.\.\.[ \t]*\r?\n/.exec(kept);
      if (end) return { format: "ASDF", text: unicode(kept.slice(0, end.index + end[0].length)) };
      if (piece.length < 65536) return { format: "ASDF", text: unicode(kept) };
    }
    throw new Error("Its metadata has more than 1 MB, too much for a header.");
  }

  function unicode(bytes) {
    return new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0)));
  }

  async function other(source) {
    if (source.size !== Infinity && source.size > MAX_OTHER) {
      throw new Error("It is neither FITS nor ASDF and larger than 8 MB, so it is no header.");
    }
    const bytes = await source.at(0, MAX_OTHER + 1);
    if (bytes.length > MAX_OTHER) {
      throw new Error("It is neither FITS nor ASDF and larger than 8 MB, so it is no header.");
    }
    if (bytes.includes(0)) {
      throw new Error("It is neither FITS nor ASDF nor text.");
    }
    const text = new TextDecoder().decode(bytes);
    return { format: text.trimStart().startsWith("{") ? "JSON" : "text", text };
  }

  // ---- all ------------------------------------------------------------------------

  async function read(file) {
    const first = new Uint8Array(await file.slice(0, 2).arrayBuffer());
    const packed = first[0] === 0x1f && first[1] === 0x8b;
    if (packed && !("DecompressionStream" in window)) {
      throw new Error("It is compressed with gzip, which this browser cannot unpack."
        + " Unpack it first, or paste its header.");
    }
    const source = packed ? new Unpacked(file) : new Pieces(file);
    try {
      const start = latin.decode(await source.at(0, 9));
      let found;
      if (start.startsWith("SIMPLE")) found = await fits(source);
      else if (start.startsWith("#ASDF")) found = await asdf(source);
      else found = await other(source);
      return { extensions: [], ...found, read: source.read };
    } catch (error) {
      if (packed && error instanceof TypeError) {
        throw new Error("It begins like a gzip file but cannot be unpacked.");
      }
      throw error;
    } finally {
      if (packed) source.close();
    }
  }

  return { read, dataSize };
})();
