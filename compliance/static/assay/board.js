/* Dragging cards of the remediation board. A drop fills in and sends the card's own form, which works without this;
   htmx then brings the columns anew, so everything here listens on the document. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const over = (column, is) => column?.classList.toggle("board-over", is);
  let dragged = null;

  const makeDraggable = () =>
    document.querySelectorAll(".board-cards > li:has(.board-move)").forEach((card) => (card.draggable = true));
  const columnOf = (event) => event.target.closest?.(".board-column[data-state]");
  const takes = (column) =>
    column && dragged && !column.contains(dragged) && dragged.querySelector(`option[value="${column.dataset.state}"]`);

  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.(".board-cards > li[draggable='true']") || null;
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  });
  document.addEventListener("dragend", () => (dragged = null));
  document.addEventListener("dragover", (event) => {
    const column = columnOf(event);
    if (!takes(column)) return;
    event.preventDefault();
    over(column, true);
  });
  document.addEventListener("dragleave", (event) => {
    const column = columnOf(event);
    if (column && !column.contains(event.relatedTarget)) over(column, false);
  });
  document.addEventListener("drop", (event) => {
    const column = columnOf(event);
    over(column, false);
    if (!takes(column)) return;
    event.preventDefault();
    const form = dragged.querySelector(".board-move");
    form.elements.state.value = column.dataset.state;
    form.requestSubmit();
  });
  document.addEventListener("htmx:afterSettle", makeDraggable);
  makeDraggable();
});
