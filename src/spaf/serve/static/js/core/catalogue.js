// What the simulated shop sells, in the order of its catalogue. A test holds it against the catalogue.

export const CATEGORIES = [
  "electronics", "clothing", "groceries", "home", "beauty", "books", "sports", "toys",
  "appliances", "automotive",
];
