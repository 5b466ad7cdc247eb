"""The words that templates' tags choose from: short lists of our own, in English."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Ada Alma Amir Anna Ben Bianca Boris Carla Carlos Chen Clara Daniel Dara David Diego Dina "
    "Elena Eli Emma Erik Eva Felix Fiona Frank Grace Hana Hugo Ida Ines Ivan Jack Jana Joe Jonas "
    "Julia Kai Karen Kofi Lara Leo Lena Liam Lily Lucas Maya Mei Mia Miguel Nadia Nina Noah Olga "
    "Omar Oscar Paula Petra Priya Quentin Rosa Ruth Sam Sara Simon Sofia Tara Theo Tom Uma Vera "
    "Victor Walt Wanda Yara Yusuf Zoe"
)
LAST_NAMES = _words(
    "Adams Ahmed Baker Bauer Bell Berg Black Brown Bruno Carter Castro Chang Clark Costa Cruz "
    "Dahl Davis Diaz Duval Evans Fischer Flores Ford Fuchs Garcia Gray Green Haas Hall Hill Horn "
    "Ito Jansen Jones Kaya Keller Khan Kim King Klein Kovacs Lang Larsen Lee Lopez Marsh Martin "
    "Mayer Mills Moore Mori Novak Nunez Olsen Park Patel Perez Price Quinn Reyes Rossi Roth Ruiz "
    "Sato Schmidt Shaw Silva Singh Smith Stone Tanaka Torres Vogel Walker Weber White Wolf Wood "
    "Yang Young Zhang"
)
NAME_PREFIXES = ("Mr.", "Mrs.", "Ms.", "Miss", "Dr.")
NAME_SUFFIXES = ("Jr.", "Sr.", "I", "II", "III", "IV", "V", "MD", "DDS", "PhD", "DVM")
JOB_DESCRIPTORS = _words(
    "Lead Senior Direct Corporate Dynamic Future National Regional District Central Global "
    "International Legacy Forward Internal Chief Principal"
)
JOB_AREAS = _words(
    "Supply Program Brand Security Research Marketing Quality Operations Integration "
    "Accounts Data Web Group Markets Metrics Usability Response"
)
JOB_TYPES = _words(
    "Supervisor Associate Executive Liaison Officer Manager Engineer Specialist Director "
    "Coordinator Administrator Architect Analyst Designer Planner Technician Developer "
    "Producer Consultant Assistant Agent Representative Strategist"
)

CITY_PREFIXES = ("North", "East", "West", "South", "New", "Lake", "Port")
CITY_SUFFIXES = _words(
    "town ton land ville berg burgh borough bury view port mouth stad furt chester fort haven "
    "side shire"
)
STREET_SUFFIXES = _words(
    "Alley Avenue Bridge Brook Center Circle Corner Court Creek Drive Estate Field Forest "
    "Gardens Gate Grove Harbor Highway Hill Island Junction Lane Meadow Mill Park Pass Path "
    "Plaza Point Ridge River Road Route Square Street Summit Terrace Trail Valley View Way"
)
STREET_PREFIXES = ("Old", "Upper", "Lower", "Great", "Little")
COUNTIES = (
    *("Avon", "Bedfordshire", "Berkshire", "Borders", "Buckinghamshire", "Cambridgeshire"),
    *("Cornwall", "Cumbria", "Devon", "Dorset", "Essex", "Kent", "Norfolk", "Suffolk"),
)
COUNTRIES = {
    "Argentina": "AR",
    "Australia": "AU",
    "Austria": "AT",
    "Belgium": "BE",
    "Bolivia": "BO",
    "Brazil": "BR",
    "Bulgaria": "BG",
    "Canada": "CA",
    "Chile": "CL",
    "China": "CN",
    "Colombia": "CO",
    "Croatia": "HR",
    "Cyprus": "CY",
    "Czech Republic": "CZ",
    "Denmark": "DK",
    "Ecuador": "EC",
    "Egypt": "EG",
    "Estonia": "EE",
    "Finland": "FI",
    "France": "FR",
    "Germany": "DE",
    "Ghana": "GH",
    "Greece": "GR",
    "Hungary": "HU",
    "Iceland": "IS",
    "India": "IN",
    "Indonesia": "ID",
    "Ireland": "IE",
    "Israel": "IL",
    "Italy": "IT",
    "Japan": "JP",
    "Kenya": "KE",
    "Latvia": "LV",
    "Lithuania": "LT",
    "Luxembourg": "LU",
    "Malaysia": "MY",
    "Malta": "MT",
    "Mexico": "MX",
    "Morocco": "MA",
    "Netherlands": "NL",
    "New Zealand": "NZ",
    "Nigeria": "NG",
    "Norway": "NO",
    "Pakistan": "PK",
    "Peru": "PE",
    "Philippines": "PH",
    "Poland": "PL",
    "Portugal": "PT",
    "Romania": "RO",
    "Singapore": "SG",
    "Slovakia": "SK",
    "Slovenia": "SI",
    "South Africa": "ZA",
    "South Korea": "KR",
    "Spain": "ES",
    "Sweden": "SE",
    "Switzerland": "CH",
    "Thailand": "TH",
    "Tunisia": "TN",
    "Turkey": "TR",
    "Ukraine": "UA",
    "United Kingdom": "GB",
    "United States of America": "US",
    "Uruguay": "UY",
    "Vietnam": "VN",
}
STATES = {
    "Alabama": "AL",
    "Alaska": "AK",
    "Arizona": "AZ",
    "Arkansas": "AR",
    "California": "CA",
    "Colorado": "CO",
    "Connecticut": "CT",
    "Delaware": "DE",
    "Florida": "FL",
    "Georgia": "GA",
    "Hawaii": "HI",
    "Idaho": "ID",
    "Illinois": "IL",
    "Indiana": "IN",
    "Iowa": "IA",
    "Kansas": "KS",
    "Kentucky": "KY",
    "Louisiana": "LA",
    "Maine": "ME",
    "Maryland": "MD",
    "Massachusetts": "MA",
    "Michigan": "MI",
    "Minnesota": "MN",
    "Mississippi": "MS",
    "Missouri": "MO",
    "Montana": "MT",
    "Nebraska": "NE",
    "Nevada": "NV",
    "New Hampshire": "NH",
    "New Jersey": "NJ",
    "New Mexico": "NM",
    "New York": "NY",
    "North Carolina": "NC",
    "North Dakota": "ND",
    "Ohio": "OH",
    "Oklahoma": "OK",
    "Oregon": "OR",
    "Pennsylvania": "PA",
    "Rhode Island": "RI",
    "South Carolina": "SC",
    "South Dakota": "SD",
    "Tennessee": "TN",
    "Texas": "TX",
    "Utah": "UT",
    "Vermont": "VT",
    "Virginia": "VA",
    "Washington": "WA",
    "West Virginia": "WV",
    "Wisconsin": "WI",
    "Wyoming": "WY",
}
TIME_ZONES = (
    *("America/Chicago", "America/Los_Angeles", "America/New_York", "America/Sao_Paulo"),
    *("Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "Europe/Berlin"),
    *("Europe/London", "Europe/Paris", "Africa/Nairobi", "Pacific/Auckland"),
)

COLORS = _words(
    "red green blue yellow purple mint teal white black orange pink grey maroon violet turquoise "
    "tan sky salmon plum orchid olive magenta lime ivory indigo gold fuchsia cyan azure "
    "lavender silver"
)
DEPARTMENTS = _words(
    "Books Movies Music Games Electronics Computers Home Garden Tools Grocery Health Beauty Toys "
    "Kids Baby Clothing Shoes Jewelry Sports Outdoors Automotive Industrial"
)
PRODUCT_ADJECTIVES = _words(
    "Small Large Ergonomic Rustic Intelligent Gorgeous Incredible Practical Sleek Awesome "
    "Generic Handcrafted Handmade Licensed Refined Unbranded Tasty"
)
PRODUCT_MATERIALS = _words(
    "Steel Wooden Concrete Plastic Cotton Granite Rubber Metal Soft Fresh Frozen"
)
PRODUCTS = _words(
    "Chair Car Computer Keyboard Mouse Bike Ball Gloves Pants Shirt Table Shoes Hat Towels Soap "
    "Tuna Chicken Fish Cheese Bacon Pizza Salad Sausages Chips"
)

COMPANY_SUFFIXES = ("Inc", "and Sons", "LLC", "Group")
PHRASE_ADJECTIVES = _words(
    "Adaptive Advanced Automated Balanced Centralized Compatible Configurable Distributed "
    "Enhanced Expanded Focused Innovative Integrated Managed Networked Open Optimized "
    "Organic Persistent Proactive Quality Reactive Robust Secured Seamless Shared Universal"
)
PHRASE_DESCRIPTORS = (
    *("24 hour", "24/7", "3rd generation", "actuating", "analyzing", "bandwidth-monitored"),
    *("bottom-line", "client-driven", "clear-thinking", "composite", "contextual", "demand-driven"),
    *("dynamic", "empowering", "even-keeled", "fault-tolerant", "global", "high-level", "holistic"),
    *("homogeneous", "human-resource", "incremental", "interactive", "local", "logistical"),
    *("mission-critical", "mobile", "modular", "national", "needs-based", "regional", "scalable"),
)
PHRASE_NOUNS = _words(
    "access adapter algorithm alliance analyzer application approach archive array attitude "
    "benchmark budgetary capability challenge circuit collaboration complexity concept core "
    "database encoding encryption firmware framework function hub interface matrix middleware "
    "model network paradigm parallelism portal product protocol service software solution "
    "standardization strategy structure success support synergy throughput toolset utilisation "
    "website workforce"
)
BUSINESS_VERBS = _words(
    "implement utilize integrate streamline optimize evolve transform embrace enable orchestrate "
    "leverage reinvent aggregate architect enhance incentivize morph empower monetize harness "
    "facilitate synergize deploy brand grow target syndicate engage deliver exploit iterate "
    "cultivate scale innovate visualize"
)
BUSINESS_ADJECTIVES = _words(
    "clicks-and-mortar value-added vertical proactive robust revolutionary scalable "
    "cutting-edge innovative intuitive strategic e-business mission-critical sticky one-to-one "
    "end-to-end global B2B B2C granular frictionless virtual viral dynamic best-of-breed "
    "next-generation open-source real-time efficient distributed seamless compelling"
)
BUSINESS_NOUNS = _words(
    "synergies paradigms markets partnerships infrastructures platforms initiatives channels "
    "communities solutions portals niches technologies content supply-chains architectures "
    "interfaces e-markets systems bandwidth models mindshare deliverables users schemas "
    "networks applications metrics functionalities experiences methodologies"
)

ACCOUNT_TYPES = (
    *("Checking", "Savings", "Money Market", "Investment", "Home Loan", "Credit Card"),
    *("Auto Loan", "Personal Loan"),
)
TRANSACTION_TYPES = ("deposit", "withdrawal", "payment", "invoice")
CURRENCIES = {
    "USD": ("US Dollar", "$"),
    "EUR": ("Euro", "€"),
    "GBP": ("Pound Sterling", "£"),
    "JPY": ("Yen", "¥"),
    "CHF": ("Swiss Franc", "CHF"),
    "CAD": ("Canadian Dollar", "$"),
    "AUD": ("Australian Dollar", "$"),
    "CNY": ("Yuan Renminbi", "¥"),
    "SEK": ("Swedish Krona", "kr"),
    "NOK": ("Norwegian Krone", "kr"),
    "DKK": ("Danish Krone", "kr"),
    "PLN": ("Zloty", "zł"),
    "CZK": ("Czech Koruna", "Kč"),
    "INR": ("Indian Rupee", "₹"),
    "BRL": ("Brazilian Real", "R$"),
    "MXN": ("Mexican Peso", "$"),
    "KRW": ("Won", "₩"),
    "ZAR": ("Rand", "R"),
}

HACKER_ABBREVIATIONS = _words(
    "TCP HTTP SDD RAM GB CSS SSL AGP SQL FTP PCI AI ADP RSS XML EXE COM HDD THX SMTP SMS USB PNG "
    "SAS IB SCSI JSON XSS JBOD"
)
HACKER_ADJECTIVES = _words(
    "auxiliary primary back-end digital open-source virtual cross-platform redundant online "
    "haptic multi-byte bluetooth wireless 1080p neural optical solid-state mobile"
)
HACKER_NOUNS = _words(
    "driver protocol bandwidth panel microchip program port card array interface system sensor "
    "firewall hard-drive pixel alarm feed monitor application transmitter bus circuit capacitor "
    "matrix"
)
HACKER_VERBS = _words(
    "back-up bypass hack override compress copy navigate index connect generate quantify "
    "calculate synthesize input transmit program reboot parse"
)
HACKER_ING_VERBS = _words(
    "backing-up bypassing hacking overriding compressing copying navigating indexing connecting "
    "generating quantifying calculating synthesizing transmitting programming parsing"
)

DOMAIN_SUFFIXES = ("com", "biz", "info", "name", "net", "org")
FREE_MAIL = ("gmail.com", "yahoo.com", "hotmail.com")
EXAMPLE_MAIL = ("example.org", "example.com", "example.net")
USER_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Mobile Safari/537.36",
)
HTTP_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
IMAGE_SUBJECTS = _words(
    "abstract animals business cats city food nightlife fashion people nature sports technics "
    "transport"
)
LOREM = _words(
    "ad adipisci alias aliquam amet animi aperiam architecto aspernatur at aut autem beatae "
    "blanditiis commodi consectetur consequatur corporis culpa cum cupiditate debitis delectus "
    "deserunt dicta dignissimos dolor dolorem doloribus ducimus ea earum eius eligendi enim eos "
    "esse est et eum eveniet ex excepturi exercitationem expedita facere facilis fuga fugit harum "
    "hic id illo illum impedit in incidunt inventore ipsa ipsam ipsum iste itaque iure iusto "
    "labore laborum laudantium libero magnam magni maiores minima minus modi molestiae mollitia "
    "nam natus necessitatibus nemo neque nesciunt nihil nisi nobis non nostrum nulla numquam "
    "occaecati odio odit officia omnis optio pariatur perferendis perspiciatis placeat porro "
    "possimus praesentium provident quae quam quas quasi qui quia quibusdam quis quo quod "
    "ratione recusandae rem repellat reprehenderit rerum saepe sapiente sed sequi similique sint "
    "sit soluta sunt suscipit tempora tempore tenetur totam ullam unde ut vel velit veniam "
    "veritatis vero vitae voluptas voluptate voluptatem"
)
FILE_TYPES = {
    "application/json": "json",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "image/gif": "gif",
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "video/mp4": "mp4",
    "video/mpeg": "mpeg",
}
MONTHS = _words(
    "January February March April May June July August September October November December"
)
WEEKDAYS = _words("Sunday Monday Tuesday Wednesday Thursday Friday Saturday")
