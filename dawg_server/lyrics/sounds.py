"""The sounds behind spellings: the tables that `rhyme` works with. Sounds are written as in ARPAbet, s and z as one."""

# Words whose spelling misleads, and those that rhyme with them.
SAME_SOUND = {
    "UW": "you do to too two who through blue true new knew shoe threw grew flew crew screw view few into onto undo",
    "AHV": "love of dove above glove shove",
    "AHN": "one done none sun son run gun fun won ton everyone someone anyone", "AHM": "come some become from",
    "OW": "know go so though although sew toe oh below yo bro", "AW": "now how cow wow allow vow brow",
    "AY": "i eye my buy bye why high", "AYS": "eyes size lies skies wise rise prize", "EHD": "said bed instead",
    "AON": "gone on", "OWN": "known grown own shown blown thrown flown alone", "EHN": "again men then been",
    "AES": "has jazz as", "AA": "la na ma pa da fa ha", "IY": "me we be he she key ski the maybe",
    "ER": "her were sir fur blur", "AHS": "does was because us buzz", "UHL": "full pull wool",
    "AAR": "are far guitar", "AART": "heart", "WAHNT": "want", "EH": "yeah yeh",
    "UHD": "could would should good stood hood wood", "UWD": "food mood rude dude", "AHD": "blood flood mud",
    "AOT": "thought bought fought brought caught taught", "OWM": "home foam roam comb",
    "AHF": "enough tough rough stuff", "IHV": "live give forgive", "AEV": "have", "UWV": "move prove groove",
    "AOS": "cross loss boss", "AOST": "lost cost frost", "OWST": "most ghost post coast toast",
    "EYK": "break steak make", "EYT": "great eight straight wait weight", "UWM": "room whom doom bloom womb tomb",
    "EHR": "there where their bear wear prayer care hair air everywhere somewhere nowhere swear tear",
    "IHR": "here near dear fear hear year clear disappear",
    "AOR": "for more door four your floor war before or anymore nor core store",
    "AYR": "fire desire higher wire liar choir", "AWR": "our hour power flower shower tower",
    "ERTH": "earth birth worth", "AEF": "laugh half", "ERD": "word heard bird third", "ERL": "girl curl pearl",
    "EYS": "days ways always", "EY": "they hey grey away", "IHND": "wind", "IHS": "is this his kiss miss",
    "IHN": "in begin win sin spin women", "AHCH": "much touch such", "AHNG": "young tongue among sung",
    "OWL": "soul whole roll control goal", "EHTH": "breath death",
    "OWS": "those close rose nose goes knows shows clothes", "UWS": "lose shoes choose blues news",
    "AHTHER": "mother brother other another", "AHNIY": "money honey funny sunny",
}  # fmt: skip

# One vowel letter before a silent e, before a consonant, and at the end of a word.
LONG = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW", "y": "AY"}
SHORT = {"a": "AE", "e": "EH", "i": "IH", "o": "AA", "u": "AH", "y": "IH"}
OPEN = {"a": "AH", "e": "IY", "i": "IY", "o": "OW", "u": "UW", "y": "IY"}

# Several vowel letters.
NUCLEI = {
    "ai": "EY", "ay": "EY", "ei": "IY", "ey": "IY", "ee": "IY", "ea": "IY", "ie": "IY", "oa": "OW", "oe": "OW",
    "ow": "OW", "ou": "AW", "oo": "UW", "ue": "UW", "ui": "UW", "ew": "UW", "eu": "UW", "au": "AO", "aw": "AO",
    "oi": "OY", "oy": "OY", "ye": "AY", "uy": "AY", "eau": "OW", "iew": "UW", "eye": "AY", "io": "AH", "ia": "AH",
    "ua": "AE", "eou": "AH", "iou": "AH",
}  # fmt: skip

# Whole endings that are not the sum of their parts.
RIMES = {
    "igh": "AY", "ight": "AYT", "eigh": "EY", "eight": "EYT", "aught": "AOT", "ought": "AOT", "augh": "AEF",
    "ough": "OW", "old": "OWLD", "olt": "OWLT", "oll": "OWL", "ind": "AYND", "ild": "AYLD", "all": "AOL",
    "alk": "AOK", "alt": "AOLT", "aul": "AOL", "awl": "AOL", "olk": "OWK", "ong": "AONG", "ead": "EHD", "ood": "UHD",
    "ook": "UHK", "ould": "UHD", "own": "AWN", "owd": "AWD", "owl": "AWL", "ar": "AAR", "arr": "AAR", "er": "ER",
    "ir": "ER", "ur": "ER", "or": "AOR", "oor": "AOR", "oar": "AOR", "our": "AOR", "air": "EHR", "ear": "IHR",
    "eer": "IHR", "aste": "EYST", "ange": "EYNJ", "athe": "EYTH", "earn": "ERN", "ease": "IYS", "eath": "EHTH",
    "ost": "OWST", "oss": "AOS", "oth": "AOTH", "og": "AOG", "aw": "AO", "ign": "AYN", "ance": "AENS", "ore": "AOR",
    "are": "EHR", "ere": "IHR", "ire": "AYR", "ure": "UHR", "ull": "UHL", "ush": "AHSH",
}  # fmt: skip

# Consonants that are not spoken as written.
CODAS = [
    ("tch", "CH"), ("dge", "J"), ("ch", "CH"), ("sh", "SH"), ("th", "TH"), ("ph", "F"), ("gh", ""), ("ck", "K"),
    ("mb", "M"), ("gn", "N"), ("mn", "M"), ("ng", "NG"), ("nk", "NGK"), ("x", "KS"), ("c", "K"), ("q", "K"),
    ("z", "S"), ("w", ""), ("h", ""),
]  # fmt: skip
