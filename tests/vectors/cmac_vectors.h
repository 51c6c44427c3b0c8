/*
 * Known answers for AES-128-CMAC over the first `len` bytes of one message.
 * Sources: RFC 4493 section 4, examples 1 to 4 (0, 16, 40 and 64 bytes); NIST SP 800-38B appendix D.1 with
 * the 20-byte example of NIST's revised example file.
 */
#ifndef SSM_CMAC_VECTORS_H
#define SSM_CMAC_VECTORS_H

static const char CMAC_KEY[] = "2B7E151628AED2A6ABF7158809CF4F3C";
static const char CMAC_MESSAGE[] = "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51"
                                   "30C81C46A35CE411E5FBC1191A0A52EFF69F2445DF4F9B17AD2B417BE66C3710";

static const struct cmac_vector {
    unsigned len;
    const char *mac;
} CMAC_VECTORS[] = {
    {0, "BB1D6929E95937287FA37D129B756746"},  {16, "070A16B46B4D4144F79BDD9DD04A287C"},
    {40, "DFA66747DE9AE63030CA32611497C827"}, {64, "51F0BEBF7E3B9D92FC49741779363CFE"},
    {20, "7D85449EA6EA19C823A7BF78837DFADE"},
};

#endif
