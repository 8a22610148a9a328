/* Dragging cards of the remediation board. A drop fills in and sends the card's own form, which works without this. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const over = (column, is) => column.classList.toggle("board-over", is);
  let dragged = null;

  document.querySelectorAll(".board-cards > li:has(.board-move)").forEach((card) => {
    card.draggable = true;
    card.addEventListener("dragstart", (event) => {
      dragged = card;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", "");
    });
    card.addEventListener("dragend", () => (dragged = null));
  });

  document.querySelectorAll(".board-column[data-state]").forEach((column) => {
    const takes = () =>
      dragged && !column.contains(dragged) && dragged.querySelector(`option[value="${column.dataset.state}"]`);
    column.addEventListener("dragover", (event) => {
      if (!takes()) return;
      event.preventDefault();
      over(column, true);
    });
    column.addEventListener("dragleave", (event) => {
      if (!column.contains(event.relatedTarget)) over(column, false);
    });
    column.addEventListener("drop", (event) => {
      over(column, false);
      if (!takes()) return;
      event.preventDefault();
      const form = dragged.querySelector(".board-move");
      form.elements.state.value = column.dataset.state;
      form.requestSubmit();
    });
  });
});
