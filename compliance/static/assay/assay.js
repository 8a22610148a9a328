/* Everything Assay does in the browser. Each part adds to a page that works without it.
   Runs in <head>, so that the colour mode is set before the first paint; the rest waits for the document. */
"use strict";

(() => {
  const root = document.documentElement;
  const THEME = "assay-theme";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try {
      return localStorage.getItem(THEME);
    } catch {
      return null; // storage is switched off: the system's choice stands
    }
  };
  const showTheme = (theme) => {
    root.dataset.bsTheme = theme;
    document.querySelector("[data-theme-toggle]")?.setAttribute("aria-pressed", String(theme === "dark"));
  };
  const presentTheme = () => stored() || (dark.matches ? "dark" : "light");

  root.classList.add("js");
  showTheme(presentTheme());
  dark.addEventListener("change", () => showTheme(presentTheme()));

  /* Head: colour mode, navigation, account menu. */
  const setUpHead = () => {
    showTheme(presentTheme());
    document.querySelector("[data-theme-toggle]")?.addEventListener("click", () => {
      const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem(THEME, next);
      } catch {
        /* storage is switched off: the choice lasts for this page */
      }
      showTheme(next);
    });
    const toggle = document.querySelector("[data-nav-toggle]");
    const side = document.getElementById("navigation");
    toggle?.addEventListener("click", () => {
      const open = side.classList.toggle("side-open");
      toggle.setAttribute("aria-expanded", String(open));
    });
    const closeMenus = (except) =>
      document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
        if (!menu.contains(except)) menu.open = false;
      });
    document.addEventListener("click", (event) => closeMenus(event.target));
    document.addEventListener("keydown", (event) => {
      const menu = document.querySelector("details[data-menu][open]");
      if (event.key !== "Escape" || !menu) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  };

  /* Copy buttons: <button data-copy="text" data-copied="Copied">. */
  const copyText = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      return; // the browser refused; the digits can still be selected by hand
    }
    const said = document.createElement("span");
    said.className = "copy-said";
    said.setAttribute("role", "status");
    said.textContent = button.dataset.copied;
    button.after(said);
    setTimeout(() => said.remove(), 2000);
  };

  /* Acts that ask first: the panel of <details data-confirm> is shown in a dialog. */
  const askFirst = (details) => {
    const panel = details.querySelector(".confirm-panel");
    const dialog = document.createElement("dialog");
    const title = panel.querySelector(".confirm-title");
    title.id ||= `confirm-${Math.random().toString(36).slice(2)}`;
    dialog.className = "dialog";
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.append(panel);
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
      details.append(panel);
      dialog.remove();
      details.querySelector("summary").focus();
    });
    dialog.showModal();
    panel.querySelector("input:not([type=hidden]), textarea, select, [data-close]")?.focus(); // never the act itself
  };

  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) copyText(copy);
    const summary = event.target.closest("details[data-confirm] > summary");
    if (summary) {
      event.preventDefault();
      askFirst(summary.parentElement);
    }
    event.target.closest("[data-close]")?.closest("dialog")?.close();
  });

  /* File fields that take dropped files. */
  const size = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB"];
    const step = Math.min(units.length - 1, bytes ? Math.floor(Math.log2(bytes) / 10) : 0);
    return `${(bytes / 1024 ** step).toFixed(step && bytes / 1024 ** step < 100 ? 1 : 0)} ${units[step]}`;
  };
  const setUpDropzone = (zone) => {
    const input = zone.querySelector("input[type=file]");
    const list = zone.querySelector("[data-files]");
    if (!input || zone.dataset.ready) return;
    zone.dataset.ready = "yes";
    const show = () => {
      list.replaceChildren(
        ...Array.from(input.files, (file) => {
          const line = document.createElement("li");
          line.textContent = `${file.name} (${size(file.size)})`;
          return line;
        }),
      );
      list.hidden = !input.files.length;
    };
    input.addEventListener("change", show);
    zone.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.classList.add("dropzone-over");
    });
    zone.addEventListener("dragleave", () => zone.classList.remove("dropzone-over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("dropzone-over");
      const files = new DataTransfer();
      Array.from(event.dataTransfer.files)
        .slice(0, input.multiple ? undefined : 1)
        .forEach((file) => files.items.add(file));
      input.files = files.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  };

  /* Tables wider than their place scroll by themselves; the others keep their heads in view. */
  const measure = (region) => {
    region.classList.remove("scrolls");
    region.classList.toggle("scrolls", region.querySelector("table").offsetWidth > region.clientWidth + 1);
  };

  /* How long ago, in the tooltip, as of when it is looked at. */
  const refreshRelative = (element) => {
    const seconds = (Date.parse(element.dateTime) - Date.now()) / 1000;
    if (Number.isNaN(seconds) || !element.dateTime.includes("T")) return;
    const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, n]) => Math.abs(seconds) >= n) || ["second", 1];
    element.title = new Intl.RelativeTimeFormat(root.lang || "en").format(Math.trunc(seconds / length), unit);
  };
  document.addEventListener("pointerover", (event) => {
    if (event.target instanceof HTMLTimeElement) refreshRelative(event.target);
  });

  const setUp = (part) => {
    part.querySelectorAll("[data-dropzone]").forEach(setUpDropzone);
    part.querySelectorAll(".table-scroll").forEach(measure);
  };

  /* htmx: no polling while nobody looks or after the end; the change of stage is said; focus survives a swap. */
  let focused = null;
  const setUpHtmx = () => {
    document.addEventListener("htmx:beforeRequest", (event) => {
      const poller = event.target.closest?.("[data-poll]");
      if (poller && (document.hidden || poller.querySelector("[data-ended]"))) event.preventDefault();
    });
    document.addEventListener("htmx:beforeSwap", (event) => {
      focused = event.detail.target?.contains(document.activeElement) ? document.activeElement.id : null;
    });
    document.addEventListener("htmx:afterSettle", (event) => {
      setUp(event.target);
      const errors = event.target.querySelector("[data-focus]");
      if (errors) errors.focus();
      else if (focused) document.getElementById(focused)?.focus();
      const said = document.getElementById(event.target.dataset.announce || "");
      const stage = event.target.querySelector("[data-stage]")?.textContent;
      if (said && stage && said.textContent !== stage) said.textContent = stage;
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    setUpHead();
    setUpHtmx();
    setUp(document);
    document.querySelector("[data-focus]")?.focus();
    addEventListener("resize", () => document.querySelectorAll(".table-scroll").forEach(measure));
  });
})();
