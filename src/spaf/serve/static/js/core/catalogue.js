// Categories of the simulated shop, in the order of its catalogue. A test compares them with the catalogue.

export const CATEGORIES = [
  "electronics", "clothing", "groceries", "home", "beauty", "books", "sports", "toys",
  "appliances", "automotive",
];
