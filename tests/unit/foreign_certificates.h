/* Certificates of other makers, valid until 2126, for what must not be taken, or only by policy. */
#ifndef SSM_TEST_FOREIGN_CERTIFICATES_H
#define SSM_TEST_FOREIGN_CERTIFICATES_H

/* CN=rsa, self-signed, a CA */
#define RSA_2048_CERTIFICATE                                                                                 \
    "-----BEGIN CERTIFICATE-----\n"                                                                          \
    "MIIC/zCCAeegAwIBAgIUHy4su7hJHKnjwRjZBZgP9xlF95cwDQYJKoZIhvcNAQEL\n"                                     \
    "BQAwDjEMMAoGA1UEAwwDcnNhMCAXDTI2MTEyMTA3MTExNVoYDzIxMjYxMDI4MDcx\n"                                     \
    "MTE1WjAOMQwwCgYDVQQDDANyc2EwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEK\n"                                     \
    "AoIBAQCK6tEic/Bj5qtSuimNnQM7uQyzGpqWestMjFhXZCu6ED8E20qXNlSEAkze\n"                                     \
    "Z/zDVZ0ZQJV6LJLfu5J8Fhe4iMq8aSm+XTyYL7CAph+oRs7idLqGPZ2H5mzFIpl8\n"                                     \
    "osm8dYFNB/mqRx/utG9ANmO6MYG+/onC2qCClhibl/XsWywpjMjQXCIuEXSGi5Md\n"                                     \
    "GK4VtbjWs8kbb5xZhEUrJ6JNDYQ4U3vHCmy2TKsV5awC4+OhpjndLG1ixfxEr4T0\n"                                     \
    "Me5uDHsWGmU4YsNRArWKoWzScPJe/OkowjIErUJSNd3ukQUkKCexyxsPW9ydmYSm\n"                                     \
    "T/JYyIT7YtRe2IVikg5clPdEiRY7AgMBAAGjUzBRMB0GA1UdDgQWBBT/QBWU/MUH\n"                                     \
    "Ol8iX+jI4co0eNcQvDAfBgNVHSMEGDAWgBT/QBWU/MUHOl8iX+jI4co0eNcQvDAP\n"                                     \
    "BgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQAaaOk1VCMRqPPwq242\n"                                     \
    "vpYKwxjtefqTUsgRwGi6xOyOwMvSm924e8QnwFLleXKUa4ZL5zYvBubeCm07zjg/\n"                                     \
    "kQSp9dfyKYLHTbaNEVoG+oeVTGKJqwDqQJ5uzgfAjb6cAY0nWQc5iZrjFBxRwi1w\n"                                     \
    "IYCIWxtDwQ7CbN/kUu3QcYLdG7Ye9+Q4jPx1I/GK1cs79asto0ORFVp84pAVEZi0\n"                                     \
    "VN/71HDesO4zcVlYLBpncC9sNfFmyb4aQoczTzMYp7Nhh+KDvvj7yoBjF9aBu1o5\n"                                     \
    "IXtJZFKjDLWiu6Z9r/IYOnMf6uAGf9EoyVdhGuzGQpNU6cSNVuZNl03blpJzZ3cZ\n"                                     \
    "ycfW\n"                                                                                                 \
    "-----END CERTIFICATE-----\n"

/* Its key, made for this file. */
#define RSA_2048_KEY                                                                                         \
    "-----BEGIN PRIVATE KEY-----\n"                                                                          \
    "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCK6tEic/Bj5qtS\n"                                     \
    "uimNnQM7uQyzGpqWestMjFhXZCu6ED8E20qXNlSEAkzeZ/zDVZ0ZQJV6LJLfu5J8\n"                                     \
    "Fhe4iMq8aSm+XTyYL7CAph+oRs7idLqGPZ2H5mzFIpl8osm8dYFNB/mqRx/utG9A\n"                                     \
    "NmO6MYG+/onC2qCClhibl/XsWywpjMjQXCIuEXSGi5MdGK4VtbjWs8kbb5xZhEUr\n"                                     \
    "J6JNDYQ4U3vHCmy2TKsV5awC4+OhpjndLG1ixfxEr4T0Me5uDHsWGmU4YsNRArWK\n"                                     \
    "oWzScPJe/OkowjIErUJSNd3ukQUkKCexyxsPW9ydmYSmT/JYyIT7YtRe2IVikg5c\n"                                     \
    "lPdEiRY7AgMBAAECggEAFOfCgjtNXVNcy+3NDA0pa+bstNVXlzayenoSX1BpTi5c\n"                                     \
    "tXfk0T2xWU5ZUAz5GlI7eo3gEMs9bSL2p+rRNgmL7O+sgwPX9xUSLEITuIizYJvt\n"                                     \
    "Z/9EwitYihArZfi/gDd0tmlxVoEumocXyOOGfYIuwtXeWG77Qbuhx2SGc0PDMRtQ\n"                                     \
    "aGXua4u3NTlOpVZDFsM21xqpwQ+sO2Dt5GrP7PnYks7d/lE6deaiKSeDZSiAHgY9\n"                                     \
    "EJHw8Dd0xnYRgH/We7wPeTHs20a25DIXHj3jZ5YxP57aoGFITMjgyzTV5KBYXPdm\n"                                     \
    "ZiMyf9NV3CwcbLYjzaHUh+ZRnCtLAhpGzQYup1LnWQKBgQC9/fzJ5dpBsYt3HqYx\n"                                     \
    "nrUMDnm0lwvEmbKTnyO8aDgEidt9+KfGTIi+2yjAEBnateLzgITqaRKQA9sphmT1\n"                                     \
    "pnhn8Iwi6jZXUWIV8lUIFatj7/ShKG0qfaUg4Ij4s9B9z+JKejaH3eOllezQUQIO\n"                                     \
    "Ye6ZUvKgd+ulXBW0YW/pU3OO0wKBgQC7LjL9PSQ3rLBfhF/P5xb0zeX7wuwOmEuo\n"                                     \
    "c/lMd9V4tUVeHVCGYQPxok0wWna7YxPUbdZxBaghvv9Dzm3uV9HfbxTOJ+yW6FuH\n"                                     \
    "7TQKyMzaw84RBLv09BxtSbYbiEd3REojNX0D+bSZUMvFt0o3mnRE4P1D6vN9UF1c\n"                                     \
    "h60GbVNJ+QKBgC09LhURAxBDa1b42E/WX3u4cqhakvXENy5JZWP2WOhTvwzWyXRB\n"                                     \
    "QwpW+vQIoW9fgePDRWLflAjwsh3IH4ASnHb7YxLpO/k8qqNZKYAcUMwiFdjN3HiS\n"                                     \
    "pGAYtuSpRErA1jwvr45Yel0yPso3j8rG7N5bTuSAyX59V7m0vcYMFeb7AoGAV2k6\n"                                     \
    "vJIp8Kn/b4u05rUHPmlM5mZfsG0kn9UQ7cnkcctNSqcr7KUvn07o9xS378hUAVcN\n"                                     \
    "1pgKrT+xm2uyYKS4SLxqHd/9F3gJDpASRpsBN4RLHh103O6Gu+65UWAx55uHd6vJ\n"                                     \
    "5upckWBu2LVAvnitpWDgRTBaZwH5p3VgsuipBZkCgYBd3qrJ/WpWbXw+WZORXk1J\n"                                     \
    "Z4LOb0xrEUaamXeX7ry4gw3EXAHOGC/ecoEvNq/UxyAG4kfMRnjNezmO168FFz6z\n"                                     \
    "vYrxp24UQH9qHPMmbMGnxGkF9rWJu9yGI0BsM9KMJMTNy6nfQfYfwr8TsmbGBL9T\n"                                     \
    "5vqA9kUymSrD1/cBns3dPA==\n"                                                                             \
    "-----END PRIVATE KEY-----\n"

/* CN=rsa1024 */
#define RSA_1024_CERTIFICATE                                                                                 \
    "-----BEGIN CERTIFICATE-----\n"                                                                          \
    "MIICAjCCAWugAwIBAgIULE80tx1INd/b54vhSLVNAFKEcbcwDQYJKoZIhvcNAQEL\n"                                     \
    "BQAwEjEQMA4GA1UEAwwHcnNhMTAyNDAgFw0yNjExMjEwNzExMTVaGA8yMTI2MTAy\n"                                     \
    "ODA3MTExNVowEjEQMA4GA1UEAwwHcnNhMTAyNDCBnzANBgkqhkiG9w0BAQEFAAOB\n"                                     \
    "jQAwgYkCgYEA0VRPRpvYv50ciLCnWRieVIRfKE3+kHGJFBfCCDEGLE6qn0YjVc/c\n"                                     \
    "AIhTDHyfae7NExL9NliwCLEhOrrrVCK5ohOOxEatFNabEE3sPiBBxqqibCw/5yjD\n"                                     \
    "2DiMIqMdcMU/CY7Npa5fozeX5wXHp1LNMhs/+fDjyae6cmdAdJKI1l8CAwEAAaNT\n"                                     \
    "MFEwHQYDVR0OBBYEFF7IDfnF8ChYWrl+O0bBceFF7Dr6MB8GA1UdIwQYMBaAFF7I\n"                                     \
    "DfnF8ChYWrl+O0bBceFF7Dr6MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQEL\n"                                     \
    "BQADgYEAGlF99CNh+18OpKY680QWo86lrEcZkfcSUWZ9KPCoqmxNW8cH137N5ODc\n"                                     \
    "XllEI8PY4DQW5Iu3DyLl4GdGMKu/4X3ssK878eW7rzWMWzT6mmspDJq8II99JHPB\n"                                     \
    "NJiSUlodhi7ZWArJZV+cUkuYW9tEvxMgpXEdCdRo4u7uzB/t+EY=\n"                                                 \
    "-----END CERTIFICATE-----\n"

/* CN=p384 */
#define P384_CERTIFICATE                                                                                     \
    "-----BEGIN CERTIFICATE-----\n"                                                                          \
    "MIIBsjCCATigAwIBAgIUbRgK0CtQ5feHMiGMe+yszx6cEpcwCgYIKoZIzj0EAwIw\n"                                     \
    "DzENMAsGA1UEAwwEcDM4NDAgFw0yNjExMjEwNzExMTVaGA8yMTI2MTAyODA3MTEx\n"                                     \
    "NVowDzENMAsGA1UEAwwEcDM4NDB2MBAGByqGSM49AgEGBSuBBAAiA2IABHzi6dpM\n"                                     \
    "J1/fPgr3bBwp2UWrwl7smnlQfRFCKJUAz5v/LfentyByJvq3jloQXuNH0FIzI9Kt\n"                                     \
    "PGFuBNpmOPLRu9A5g+ram4gott+PSl12yrPhlGp2bskI5+n6AKfd7l6lF6NTMFEw\n"                                     \
    "HQYDVR0OBBYEFIAXCvjYoevRM74rqsXhnRrlntHCMB8GA1UdIwQYMBaAFIAXCvjY\n"                                     \
    "oevRM74rqsXhnRrlntHCMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDaAAw\n"                                     \
    "ZQIwA2zOY3DEL+17WWzR7ZgfEK2kAp9zo5pRQZhuh7NydrHbkaHCYZoIvcIxMI4/\n"                                     \
    "k+BGAjEAqHyhTUIySC/OKGTO0bKm714l1jgqZA5t06rAFlA0CZwFfTshIhQbaEkG\n"                                     \
    "3j6mRojI\n"                                                                                             \
    "-----END CERTIFICATE-----\n"

#endif
