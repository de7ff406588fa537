"""What the shop sells: the categories, their typical prices and their products."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from spaf.settings import GenerateSettings

# Category → typical price in whole currency units, and product names; the most popular first.
ASSORTMENT: dict[str, tuple[int, str]] = {
    "electronics": (
        900,
        """
        Headphones, Keyboard, Monitor, Mouse, Webcam, Tablet, Smartwatch, Speaker,
        Router, Charger, Microphone, Projector, Printer, Scanner, Drone, Camera,
        Soundbar, Power Bank, Hard Drive, Dock
        """,
    ),
    "clothing": (
        120,
        """
        T-Shirt, Jeans, Jacket, Dress, Sweater, Skirt, Coat, Hoodie, Shorts, Blouse,
        Scarf, Socks, Pyjamas, Cardigan, Vest, Leggings, Polo, Blazer, Raincoat, Cap
        """,
    ),
    "groceries": (
        30,
        """
        Coffee, Olive Oil, Rice, Pasta, Honey, Cheese, Chocolate, Granola, Tea, Almonds,
        Beans, Juice, Butter, Yogurt, Crackers, Jam, Flour, Tuna, Cereal, Cookies
        """,
    ),
    "home": (
        180,
        """
        Lamp, Rug, Curtain, Pillow, Blanket, Mirror, Vase, Clock, Shelf, Bedding, Towel
        Set, Basket, Candle Set, Frame, Hanger Set, Storage Box, Stool, Doormat,
        Planter, Duvet
        """,
    ),
    "beauty": (
        85,
        """
        Perfume, Shampoo, Lipstick, Face Cream, Sunscreen, Mascara, Body Lotion, Hair
        Mask, Soap Set, Serum, Conditioner, Foundation, Blush, Nail Polish, Deodorant,
        Face Mask, Eyeliner, Toner, Hair Oil, Brush
        """,
    ),
    "books": (
        60,
        """
        Novel, Cookbook, Atlas, Biography, Thriller, Dictionary, Poetry, Travel Guide,
        Comic, Textbook, Anthology, Fairy Tales, Memoir, Essays, Mystery, Encyclopedia,
        Manual, Diary, Romance, Science Book
        """,
    ),
    "sports": (
        210,
        """
        Football, Yoga Mat, Racket, Dumbbells, Running Shoes, Backpack, Helmet, Swim
        Goggles, Jump Rope, Tent, Bike Light, Gloves, Basketball, Skateboard,
        Kettlebell, Water Bottle, Wetsuit, Surf Leash, Net, Bench
        """,
    ),
    "toys": (
        110,
        """
        Puzzle, Doll, Building Blocks, Board Game, Kite, Train Set, Teddy Bear, Race
        Car, Robot, Card Game, Play Dough, Yo-Yo, Marbles, Dollhouse, Slot Car, Magic
        Set, Plush Cat, Scooter, Spinning Top, Castle
        """,
    ),
    "appliances": (
        650,
        """
        Blender, Toaster, Microwave, Kettle, Vacuum Cleaner, Air Fryer, Coffee Maker,
        Fan, Heater, Iron, Juicer, Mixer, Rice Cooker, Dehumidifier, Air Purifier,
        Grill, Hair Dryer, Freezer, Oven, Cooktop
        """,
    ),
    "automotive": (
        250,
        """
        Car Mat, Wiper Set, Battery, Motor Oil, Tyre Pump, Seat Cover, Dash Camera, Jump
        Cable, Wax, Tool Kit, Phone Mount, Roof Rack, Air Filter, Brake Pads, Spark
        Plugs, Tow Rope, Car Cover, Horn, Bulb Set, Jack
        """,
    ),
}
CATEGORIES: tuple[str, ...] = tuple(ASSORTMENT)
PRODUCTS_PER_CATEGORY = 20
CUSTOMERS = 5_000


class ShopSize(NamedTuple):
    """How large the shop is; beyond the assortment its names are repeated with a number."""

    categories: int = len(CATEGORIES)
    products_per_category: int = PRODUCTS_PER_CATEGORY
    customers: int = CUSTOMERS

    @classmethod
    def of(cls, settings: GenerateSettings) -> Self:
        """Return the size that the settings give."""
        return cls(settings.categories, settings.products_per_category, settings.customers)


DEFAULT_SIZE = ShopSize()
